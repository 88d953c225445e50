import pytest
import torch

from masa_model.inputs.batch import PoseBatch, clip_of_frames, positions_in_clips
from masa_model.inputs.sampling import sample_test_frames, sample_training_frames


def batch_of(lengths: list[int]) -> PoseBatch:
    """Clips whose first coordinate says which frame of its clip it is."""
    lengths = torch.tensor(lengths)
    clip = clip_of_frames(lengths, int(lengths.sum()))
    position = positions_in_clips(clip, lengths)
    coordinates = torch.zeros(49, 2, len(clip))
    coordinates[0, 0] = position
    return PoseBatch(
        coordinates,
        torch.ones(49, len(clip)),
        torch.ones(2, len(clip), dtype=torch.bool),
        clip,
        position,
        lengths,
        10 + torch.arange(len(lengths)),
    )


def chosen(batch: PoseBatch) -> list[list[int]]:
    return [batch.coordinates[0, 0, batch.clip == clip].int().tolist() for clip in range(batch.clips)]


def test_the_centre():
    found = sample_test_frames(batch_of([9, 4, 3, 1]), 4, "window")
    assert chosen(found) == [[3, 4, 5, 6], [0, 1, 2, 3], [0, 1, 2], [0]]
    assert found.position.tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 0]
    assert chosen(sample_test_frames(batch_of([8, 2]), 4, "spread")) == [[1, 3, 5, 7], [0, 1]]


def test_views_cover_the_clip():
    batch = batch_of([20])
    firsts = [chosen(sample_test_frames(batch, 4, "window", view, 4))[0][0] for view in range(4)]
    assert firsts == sorted(set(firsts))
    assert firsts[0] < 4
    assert firsts[-1] > 12


@pytest.mark.parametrize("how", ["window", "spread"])
def test_random_frames_depend_on_seed_epoch_and_clip_alone(how):
    batch = batch_of([50, 7, 90])
    one = chosen(sample_training_frames(batch, 8, how, (0, 1)))
    assert one[1] == list(range(7))
    assert [len(frames) for frames in one] == [8, 7, 8]
    alone = batch_of([90])
    alone.numbers[0] = 12
    assert chosen(sample_training_frames(alone, 8, how, (0, 1)))[0] == one[2]
    others = [chosen(sample_training_frames(batch, 8, how, (0, epoch)))[2] for epoch in range(20)]
    assert len({tuple(frames) for frames in others}) > 10
    for frames in others:
        assert frames == sorted(set(frames))
        assert frames[-1] < 90
    if how == "window":
        assert all(frames[-1] - frames[0] == 7 for frames in others)
        assert {frames[0] for frames in others} - set(range(10, 73))  # both ends are reached
    else:
        assert all(place * 90 // 8 <= frame for frames in others for place, frame in enumerate(frames))


def test_every_window_comes_as_often_as_any_other():
    found = sample_training_frames(batch_of([10] * 7000), 4, "window", (3,))
    counts = torch.bincount(found.coordinates[0, 0, found.position == 0].int(), minlength=7)
    assert len(counts) == 7
    assert ((counts - 1000).abs() < 150).all()
