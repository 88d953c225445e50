"""Pose tracks for anybody's torch model: a Dataset, and batches of clips of different lengths.

dataset = TorchPoseDataset(PoseDataset.open("out.h5", splits=["train"]))
loader = DataLoader(dataset, batch_size=32, shuffle=True, num_workers=4, collate_fn=pad_batch)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import torch
from torch.utils.data import Dataset

from masa_data.classes.classes import SignClass
from masa_data.shards.dataset import PoseDataset
from masa_data.tracks.track import PoseTrack


class PoseItem(TypedDict):
    """One clip.

    keypoints: (T, 49, 2) float32, x and y as a share of the frame's width and height (a few lie outside
        0..1); 0 where missing.
    confidence: (T, 49) float32 in 0..1; 0 = missing.
    label: the place of its class in `TorchPoseDataset.classes`; -1 if it has none.
    """

    keypoints: torch.Tensor
    confidence: torch.Tensor
    label: int


class PoseBatch(TypedDict):
    """Clips side by side, padded at the end with zeros.

    keypoints: (B, T, 49, 2) float32; T is the longest clip's length.
    confidence: (B, T, 49) float32.
    mask: (B, T) bool; True where a clip has a frame.
    label: (B,) int64.
    """

    keypoints: torch.Tensor
    confidence: torch.Tensor
    mask: torch.Tensor
    label: torch.Tensor


class TorchPoseDataset(Dataset[PoseItem]):
    """The clips of a PoseDataset as tensors. It may be shared by a DataLoader's workers.

    Attributes:
        tracks: the clips with all that is known of them.
        classes: each with its corpus and gloss, in the order of the label of an item.
    """

    def __init__(self, tracks: PoseDataset, classes: Sequence[SignClass] | None = None) -> None:
        """Number the classes.

        Args:
            tracks: the selected clips.
            classes: those of the training set, so that validation and test number theirs alike, in whatever
                files they lie; None = those that occur here. A clip of another class has label -1.

        Raises:
            DataError: if files mean different signs by one official number.
        """
        self.tracks = tracks
        self.classes = list(tracks.classes()[0] if classes is None else classes)
        self._labels: list[int] = tracks.places_among(self.classes, "the given classes").tolist()

    def __len__(self) -> int:
        return len(self.tracks)

    def __getitem__(self, number: int) -> PoseItem:
        track: PoseTrack = self.tracks[number]
        keypoints = torch.from_numpy(track.keypoints) / torch.tensor([track.info.width, track.info.height])
        return {
            "keypoints": torch.nan_to_num(keypoints, nan=0.0),
            "confidence": torch.from_numpy(track.confidence),
            "label": self._labels[number],
        }


def pad_batch(items: Sequence[PoseItem]) -> PoseBatch:
    """Put clips of different lengths into one batch: a DataLoader's `collate_fn`.

    Args:
        items: at least one.
    """
    lengths = torch.tensor([len(item["keypoints"]) for item in items])
    pad = torch.nn.utils.rnn.pad_sequence
    return {
        "keypoints": pad([item["keypoints"] for item in items], batch_first=True),
        "confidence": pad([item["confidence"] for item in items], batch_first=True),
        "mask": torch.arange(int(lengths.max())) < lengths[:, None],
        "label": torch.tensor([item["label"] for item in items]),
    }
