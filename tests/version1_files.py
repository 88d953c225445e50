"""Files of version 1 of the format, written as release 0.1.0 wrote them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import h5py
import numpy as np

from masa_data.shards.quantize import StoredTrack
from masa_data.shards.writer import ShardEntry
from masa_data.tracks.provenance import Provenance
from masa_data.tracks.skeleton import KEYPOINT_NAMES

TEXTS = ("id", "path", "corpus", "gloss", "split", "signer", "source_sha256")
NUMBERS = {
    "label": "<i4",
    "fps": "<f8",
    "width": "<i4",
    "height": "<i4",
    "start": "<i8",
    "end": "<i8",
    "several_people": "u1",
}


def write_version1(path: Path, provenance: Provenance, tracks: Sequence[StoredTrack]) -> Path:
    """A self-contained file of at least one clip."""
    infos = [asdict(track.info) for track in tracks]
    offsets = np.cumsum([0, *(len(track.time) for track in tracks)])
    with h5py.File(path, "w", libver="latest", alignment_threshold=4096, alignment_interval=4096) as file:
        _write_attributes(file, "shard", provenance)
        for name, dtype in (
            ("positions", "<u2"),
            ("confidence", "u1"),
            ("frame_index", "<i4"),
            ("time", "<f4"),
            ("box", "<u2"),
        ):
            values = np.concatenate([getattr(track, name) for track in tracks]).astype(dtype)
            file.create_dataset(f"frames/{name}", data=values)
        for name in TEXTS:
            _write_texts(file, f"clips/{name}", [info[name] for info in infos])
        for name, dtype in NUMBERS.items():
            file.create_dataset(f"clips/{name}", data=np.array([info[name] for info in infos], dtype))
        file.create_dataset("clips/clamped", data=np.array([track.clamped for track in tracks], "<i4"))
        file.create_dataset("clips/crc32", data=np.array([track.crc32() for track in tracks], "<u4"))
        file.create_dataset("clips/offset", data=offsets.astype("<i8"))
    return path


def write_version1_index(path: Path, provenance: Provenance, entries: Sequence[ShardEntry]) -> Path:
    """An index of shards beside it."""
    with h5py.File(path, "w", libver="latest") as file:
        _write_attributes(file, "index", provenance)
        for name in ("name", "sha256"):
            _write_texts(file, f"shards/{name}", [getattr(entry, name) for entry in entries])
        for name in ("bytes", "clips"):
            values = np.array([getattr(entry, name) for entry in entries], "<i8")
            file.create_dataset(f"shards/{name}", data=values)
    return path


def _write_attributes(file: h5py.File, kind: str, provenance: Provenance) -> None:
    file.attrs["format"] = "masa-pose-shards"
    file.attrs["version"] = 1
    file.attrs["kind"] = kind
    file.attrs["provenance"] = provenance.model_dump_json()
    file.attrs["keypoint_names"] = json.dumps(KEYPOINT_NAMES)


def _write_texts(file: h5py.File, name: str, texts: Sequence[str]) -> None:
    file.create_dataset(name, data=np.array(texts, dtype=object), dtype=h5py.string_dtype())
