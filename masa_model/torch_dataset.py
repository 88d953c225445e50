"""Pose tracks for any torch model: a Dataset, and batches of clips with different lengths.

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

    keypoints: (T, 49, 2) float32, x and y as fractions of the frame's width and height. Most values are in
        0..1, a few are outside; 0 for a missing keypoint.
    confidence: (T, 49) float32 in 0..1; 0 = missing.
    label: index of the clip's class in `TorchPoseDataset.classes`; -1 if its class is not in this list.
    """

    keypoints: torch.Tensor
    confidence: torch.Tensor
    label: int


class PoseBatch(TypedDict):
    """A batch of clips, padded at the end with zeros.

    keypoints: (B, T, 49, 2) float32, as in PoseItem; T is the length of the longest clip.
    confidence: (B, T, 49) float32 in 0..1; 0 = missing or padding.
    mask: (B, T) bool; True for frames of the clip, False for padding.
    label: (B,) int64, class indices as in PoseItem.
    """

    keypoints: torch.Tensor
    confidence: torch.Tensor
    mask: torch.Tensor
    label: torch.Tensor


class TorchPoseDataset(Dataset[PoseItem]):
    """The clips of a PoseDataset as tensors. It can be used with several DataLoader workers.

    Attributes:
        tracks: the clips with their metadata.
        classes: corpus and gloss of each class; the label of an item is an index into this list.

    Example:
        >>> from masa_data import PoseDataset
        >>> dataset = TorchPoseDataset(PoseDataset.open("out.h5", splits=["train"]))  # doctest: +SKIP
        >>> dataset[0]["keypoints"].shape  # doctest: +SKIP
        torch.Size([62, 49, 2])
    """

    def __init__(self, tracks: PoseDataset, classes: Sequence[SignClass] | None = None) -> None:
        """Create the dataset and number its classes.

        Args:
            tracks: the selected clips.
            classes: classes of the training set, so that the validation and test sets use the same labels,
                also if they are in other files; None = the classes of `tracks`. A clip of any other class has
                label -1.

        Raises:
            DataError: if the same official label number stands for different signs in different files.
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
    """Combine clips of different lengths into one padded batch. Use it as `collate_fn` of a DataLoader.

    Args:
        items: the clips, at least one.

    Returns:
        the batch, with zeros after the end of shorter clips.

    Raises:
        RuntimeError: if `items` is empty.

    Example:
        >>> loader = DataLoader(dataset, batch_size=32, collate_fn=pad_batch)  # doctest: +SKIP
    """
    lengths = torch.tensor([len(item["keypoints"]) for item in items])
    pad = torch.nn.utils.rnn.pad_sequence
    return {
        "keypoints": pad([item["keypoints"] for item in items], batch_first=True),
        "confidence": pad([item["confidence"] for item in items], batch_first=True),
        "mask": torch.arange(int(lengths.max())) < lengths[:, None],
        "label": torch.tensor([item["label"] for item in items]),
    }
