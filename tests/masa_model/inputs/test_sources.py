"""Batches are what the file holds, from wherever they are read; orders are pure functions."""

import numpy as np
import pytest
import torch

from masa_data.shards.dataset import PoseDataset
from masa_data.shards.quantize import quantize
from masa_data.shards.writer import write_shard
from masa_model.inputs.sources import ClipsInMemory, StreamedClips, epoch_batches, prepared
from tests.conftest import make_track

CPU = torch.device("cpu")


@pytest.fixture
def clips(tmp_path, provenance):
    paths = []
    for part in range(2):
        tracks = [
            make_track(
                f"{part}-{n}",
                frames=3 + n,
                seed=part,
                width=640 + 100 * part,
                height=360 + 500 * part,
                split=split,
            )
            for n, split in enumerate(["train", "test", "train", "val", "train"])
        ]
        paths.append(tmp_path / f"{part}.h5")
        write_shard(paths[-1], provenance, map(quantize, tracks), sum(map(len, tracks)))
    return PoseDataset.open(*paths, splits=["train"])


@pytest.mark.parametrize("source", [StreamedClips, ClipsInMemory])
def test_batches_are_the_tracks(clips, source):
    order = [np.array([5, 0, 3]), np.array([2]), np.array([1, 4])]
    for numbers, raw in zip(order, prepared(source(clips), order, lambda raw: raw), strict=True):
        assert raw.numbers.tolist() == numbers.tolist()
        start = 0
        for place, number in enumerate(numbers):
            track = clips[int(number)]
            assert int(raw.lengths[place]) == len(track)
            longer = max(track.info.width, track.info.height)
            frames = slice(start, start + len(track))
            start += len(track)
            seen = track.confidence > 0
            found = raw.keypoints[:, :, frames].permute(2, 0, 1).numpy() * longer / 256
            np.testing.assert_allclose(found[seen], track.keypoints[seen], atol=2e-3)
            np.testing.assert_allclose(raw.confidence[:, frames].T.numpy(), track.confidence, atol=1e-6)
            np.testing.assert_allclose(
                raw.frame_size[:, place].numpy(),
                np.array([track.info.width, track.info.height]) * 256 / longer,
            )
        assert start == raw.keypoints.shape[2]


def test_memory_and_file_give_the_same_to_the_bit(clips):
    order = epoch_batches(len(clips), 2, 0, 0)
    for one, other in zip(
        StreamedClips(clips).batches(order), map(ClipsInMemory(clips).read, order), strict=True
    ):
        for name in ("keypoints", "confidence", "frame_size", "lengths", "numbers"):
            assert torch.equal(getattr(one, name), getattr(other, name))


def test_a_caller_may_stop_early(clips):
    batches = StreamedClips(clips).batches(iter([np.array([0])] * 1000))
    next(batches)
    batches.close()


def test_an_epoch_holds_every_clip_once():
    batches = epoch_batches(103, 10, seed=3, epoch=2)
    together = np.concatenate(batches)
    assert [len(batch) for batch in batches] == [10] * 10
    assert len(np.unique(together)) == 100
    np.testing.assert_array_equal(together, np.concatenate(epoch_batches(103, 10, 3, 2)))
    assert not np.array_equal(together, np.concatenate(epoch_batches(103, 10, 3, 3)))
    assert not np.array_equal(together, np.concatenate(epoch_batches(103, 10, 4, 2)))


def test_processes_share_each_batch():
    whole = epoch_batches(50, 12, 0, 0)
    parts = [epoch_batches(50, 12, 0, 0, part, 3) for part in range(3)]
    for step, batch in enumerate(whole):
        np.testing.assert_array_equal(np.concatenate([part[step] for part in parts]), batch)


def test_fewer_clips_than_a_batch():
    assert [len(batch) for batch in epoch_batches(5, 64, 0, 0)] == [5]
    assert [len(batch) for batch in epoch_batches(5, 64, 0, 0, 1, 2)] == [2]
