"""Rows of the table of few clips a class: who learns from what, and who is asked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from masa_data import PoseDataset
from masa_model.inputs.labeled import LabeledClips, draw_shots

SHOTS = (1, 3, 5, 10)
SOURCES_LEFT_OUT = (
    "Laya303/ASL-Word-Level-Translation-Using-LSTM",
    "Jeet10/RealTimeGestureBasedSignLanguageRecognitionSystem",
    "Neat11/realtime-SignLanguage",
)


@dataclass(frozen=True)
class Setting:
    """Who learns from what: numbers of clips of the file and (N,) class numbers, −1 for clips of no class."""

    name: str
    targets: np.ndarray
    train: np.ndarray
    val: np.ndarray
    test: np.ndarray
    shots: int | None


def settings_of(clips: PoseDataset) -> list[Setting]:
    split = clips.column("split").astype(str)
    signer = clips.column("signer").astype(str)
    gloss = clips.column("gloss").astype(str)
    source = np.array([text.partition(":")[0] for text in gloss])
    sign = np.array([text.partition(":")[2].lower().replace("_", " ").strip() for text in gloss])
    nothing = np.empty(0, np.int64)

    def numbered(texts: np.ndarray, among: np.ndarray) -> np.ndarray:
        known = np.unique(texts[among])
        return np.where(np.isin(texts, known), np.searchsorted(known, texts), -1)

    asked = numbered(gloss, split == "test")
    of = {name: np.flatnonzero((split == name) & (asked >= 0)) for name in ("train", "val", "test")}
    found = [Setting(shots_name(shots), asked, of["train"], of["val"], of["test"], shots) for shots in SHOTS]
    wlasl = source == "Adarsha16/ASL_tester"
    train, test = np.flatnonzero(wlasl & (split == "train")), np.flatnonzero(wlasl & (split == "val"))
    found.append(Setting("50 WLASL glosses", numbered(gloss, train), train, nothing, test, None))
    one, other = signer == "traduttore/s2", (signer == "traduttore/s3") & (split == "test")
    both = np.isin(gloss, np.intersect1d(gloss[one], gloss[other]))
    targets = numbered(gloss, one & both)
    found.append(
        Setting(
            "signer s2 to s3, 5 clips a class",
            targets,
            np.flatnonzero(one & both),
            nothing,
            np.flatnonzero(other & both),
            5,
        )
    )
    for left_out in SOURCES_LEFT_OUT:
        there, elsewhere = source == left_out, (source != left_out) & (split == "train")
        shared = np.isin(sign, np.intersect1d(sign[there], sign[elsewhere]))
        targets = numbered(sign, shared & elsewhere)
        test = np.flatnonzero(there & shared & (split == "test"))
        name = f"{left_out.partition('/')[0]} left out, 30 clips a class"
        found.append(Setting(name, targets, np.flatnonzero(elsewhere & shared), nothing, test, 30))
    return found


def shots_name(shots: int) -> str:
    return f"{shots} clip{'s' * (shots > 1)} a class"


def labeled(clips: PoseDataset, setting: Setting, numbers: np.ndarray) -> LabeledClips:
    return LabeledClips(clips.part(numbers), setting.targets[numbers])


def drawn(setting: Setting, seed: int) -> np.ndarray:
    return setting.train[draw_shots(setting.targets[setting.train], setting.shots, seed)]
