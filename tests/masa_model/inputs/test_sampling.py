import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

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


def test_the_center():
    found = sample_test_frames(batch_of([9, 4, 3, 1]), 4, "window")
    assert chosen(found) == [[3, 4, 5, 6], [0, 1, 2, 3], [0, 1, 2], [0]]
    assert found.position.tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 0]
    assert chosen(sample_test_frames(batch_of([8, 2]), 4, "spread")) == [[1, 3, 5, 7], [0, 1]]
    found = sample_test_frames(batch_of([20, 8, 7, 6, 2, 1]), 4, "stride")
    assert chosen(found) == [[7, 9, 11, 13], [1, 3, 5, 7], [0, 2, 4, 6], [1, 3, 5], [1], [0]]


def test_views_cover_the_clip():
    batch = batch_of([20])
    firsts = [chosen(sample_test_frames(batch, 4, "window", view, 4))[0][0] for view in range(4)]
    assert firsts == sorted(set(firsts))
    assert firsts[0] < 4
    assert firsts[-1] > 12


@pytest.mark.parametrize("how", ["window", "stride", "spread"])
def test_random_frames_depend_on_seed_epoch_and_clip_alone(how):
    batch = batch_of([50, 7, 90])
    one = chosen(sample_training_frames(batch, 8, how, (0, 1)))
    assert one[1] == ([0, 2, 4, 6] if how == "stride" else list(range(7)))
    assert [len(frames) for frames in one] == [8, len(one[1]), 8]
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
    elif how == "stride":
        assert all(set(np.diff(frames)) == {2} for frames in others)
        assert {frames[0] for frames in others} - set(range(10, 66))
    else:
        assert all(place * 90 // 8 <= frame for frames in others for place, frame in enumerate(frames))


def test_every_window_comes_as_often_as_any_other():
    found = sample_training_frames(batch_of([10] * 7000), 4, "window", (3,))
    counts = torch.bincount(found.coordinates[0, 0, found.position == 0].int(), minlength=7)
    assert len(counts) == 7
    assert ((counts - 1000).abs() < 150).all()


@settings(max_examples=60, deadline=None)
@given(
    length=st.integers(1, 200),
    frames=st.integers(1, 40),
    how=st.sampled_from(["window", "stride", "spread"]),
    seed=st.integers(0, 1000),
    view=st.integers(0, 4),
)
def test_no_frame_twice_and_all_in_their_order(length, frames, how, seed, view):
    batch = batch_of([length, 3])
    expected = min(frames, (length + 1) // 2 if how == "stride" else length)
    for sampled in (
        sample_training_frames(batch, frames, how, (seed,)),
        sample_test_frames(batch, frames, how, view, 5),
    ):
        [found, _] = chosen(sampled)
        assert found == sorted(set(found))
        assert len(found) == expected
        assert 0 <= found[0] <= found[-1] < length


@pytest.mark.parametrize("how", ["window", "stride", "spread"])
@pytest.mark.parametrize(("length", "frames"), [(33, 32), (8, 8), (7, 3), (100, 32), (2, 1), (65, 32)])
def test_every_frame_is_reached(how, length, frames):
    found = sample_training_frames(batch_of([length] * 800), frames, how, (1,))
    counts = torch.bincount(found.coordinates[0, 0].long(), minlength=length)
    if how == "stride" and length % 2 and length < 2 * frames:
        assert counts[1::2].sum() == 0  # the whole clip, of which every second frame is taken
        assert (counts[::2] == 800).all()
    else:
        assert (counts > 0).all()


def test_of_33_frames_any_may_be_the_one_left_out():
    found = sample_training_frames(batch_of([33] * 3300), 32, "spread", (0,))
    left_out = 3300 - torch.bincount(found.coordinates[0, 0].long(), minlength=33)
    assert left_out.sum() == 3300
    # 32 pairs of neighbors; the first and the last frame are in one of them, the others in two.
    assert ((left_out[1:-1] - 103).abs() < 50).all()
    assert ((left_out[[0, -1]] - 52).abs() < 36).all()
