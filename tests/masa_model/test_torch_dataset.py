"""Tracks as tensors, beside what the reader of shards says."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch.utils.data import DataLoader  # noqa: E402

from masa_data import PoseDataset, PoseShards  # noqa: E402
from masa_data.shards.quantize import quantize  # noqa: E402
from masa_data.shards.writer import write_shard  # noqa: E402
from masa_model.torch_dataset import TorchPoseDataset, pad_batch  # noqa: E402
from tests.conftest import make_track  # noqa: E402


@pytest.fixture
def path(tmp_path, provenance):
    tracks = [
        make_track(f"{label}-{number}", 3 + number, corpus="c", label=label, gloss=f"g{label}", split=split)
        for label, split in ((3, "train"), (7, "train"), (7, "test"), (9, "test"))
        for number in range(4)
        if (label, split) != (7, "test") or number == 0
    ]
    names = [track.info.id for track in tracks]
    tracks = [
        make_track(f"{number}/{name}", len(track), **facts(track))
        for number, (name, track) in enumerate(zip(names, tracks, strict=True))
    ]
    write_shard(tmp_path / "a.h5", provenance, map(quantize, tracks), sum(map(len, tracks)))
    return tmp_path / "a.h5"


def facts(track):
    return {name: getattr(track.info, name) for name in ("corpus", "label", "gloss", "split")}


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_hold_every_clip_padded_and_masked(path, workers):
    dataset = TorchPoseDataset(PoseDataset.open(path))
    loader = DataLoader(dataset, batch_size=4, num_workers=workers, collate_fn=pad_batch)
    seen = 0
    with PoseShards.open(path) as shards:
        for batch in loader:
            frames = batch["mask"].sum(dim=1)
            assert batch["mask"].shape[1] == frames.max()
            for row, length in enumerate(frames.tolist()):
                track = shards.track(seen)
                assert length == len(track)
                shares = np.nan_to_num(track.keypoints / (track.info.width, track.info.height))
                np.testing.assert_allclose(batch["keypoints"][row, :length].numpy(), shares, atol=1e-6)
                np.testing.assert_array_equal(batch["confidence"][row, :length].numpy(), track.confidence)
                assert not batch["keypoints"][row, length:].any()
                assert not batch["confidence"][row, length:].any()
                assert dataset.classes[batch["label"][row]].gloss == track.info.gloss
                seen += 1
        assert seen == len(shards)


def test_test_clips_are_numbered_as_in_training_and_unknown_classes_are_told(path):
    train = TorchPoseDataset(PoseDataset.open(path, splits=["train"]))
    test = TorchPoseDataset(PoseDataset.open(path, splits=["test"]), train.classes)
    assert [one.key for one in train.classes] == [("c", "g3"), ("c", "g7")]
    assert [item["label"] for item in (test[number] for number in range(len(test)))] == [1, -1, -1, -1, -1]


def test_a_model_learns_from_it(path):
    """Two lines to a loader, and the gradient flows."""
    dataset = TorchPoseDataset(PoseDataset.open(path, splits=["train"]))
    loader = DataLoader(dataset, batch_size=8, shuffle=True, collate_fn=pad_batch)
    torch.manual_seed(0)
    model = torch.nn.Linear(98, len(dataset.classes))
    optimizer = torch.optim.Adam(model.parameters(), 0.05)
    losses = []
    for _ in range(60):
        for batch in loader:
            mean = (batch["keypoints"].flatten(2) * batch["mask"][..., None]).sum(1)
            logits = model(mean / batch["mask"].sum(1, keepdim=True))
            loss = torch.nn.functional.cross_entropy(logits, batch["label"])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert losses[-1] < losses[0] / 2
