"""Other frames of the same clip, against NumPy's interpolation."""

import numpy as np

from masa_model.inputs.batch import PoseBatch
from masa_model.inputs.parts import prepare_clips
from masa_model.inputs.retiming import retime
from masa_model.inputs.sources import raw_clips
from masa_model.settings.augment import AugmentSettings
from tests.conftest import make_track
from tests.masa_model.made_up_signs import make_sign


def prepared(*lengths: int) -> PoseBatch:
    return prepare_clips(
        raw_clips([make_sign(f"clip {n}", n % 4, frames=frames) for n, frames in enumerate(lengths)])
    )


def frames(batch: PoseBatch, clip: int) -> np.ndarray:
    """(frames, 98) of one clip."""
    return batch.coordinates[:, :, batch.clip == clip].permute(2, 0, 1).flatten(1).numpy()


def test_another_speed_is_linear_interpolation_from_the_first_to_the_last_frame():
    batch = prepared(1, 2, 7, 30, 149)
    changed = 0
    for epoch in range(5):
        found = retime(batch, AugmentSettings(speed=0.5), (0, epoch))
        for clip, before in enumerate(batch.lengths.tolist()):
            now = int(found.lengths[clip])
            assert round(before / 1.5) <= now <= round(before * 1.5) or before <= 2
            changed += now != before
            moments = np.linspace(0, before - 1, now)
            old = frames(batch, clip)
            expected = np.stack([np.interp(moments, np.arange(before), old[:, e]) for e in range(98)], 1)
            np.testing.assert_allclose(frames(found, clip), expected, atol=1e-3)
        assert found.position.tolist() == [n for length in found.lengths.tolist() for n in range(length)]
        assert found.clip.tolist() == [c for c, n in enumerate(found.lengths.tolist()) for _ in range(n)]
    assert changed > 10


def test_a_missing_keypoint_is_never_interpolated():
    batch = prepare_clips(raw_clips([make_track("a", 40), make_track("b", 25)]))
    found = retime(batch, AugmentSettings(speed=0.6), (2,))
    assert (found.coordinates[(found.confidence == 0)[:, None].expand(-1, 2, -1)] == 0).all()
    share = [float((one.confidence > 0).float().mean()) for one in (batch, found)]
    assert abs(share[0] - share[1]) < 0.05
    # Each frame lies between two old ones, so no coordinate is outside what the clip had.
    for clip in range(2):
        old, new = (one.coordinates[:, :, one.clip == clip] for one in (batch, found))
        assert (new.amax(2) <= old.amax(2) + 1e-4).all()
        assert (new.amin(2) >= old.amin(2) - 1e-4).all()


def test_a_cut_keeps_neighboring_frames_as_they_are():
    batch = prepared(1, 10, 40, 40, 40)
    starts, lengths = set(), set()
    for epoch in range(8):
        found = retime(batch, AugmentSettings(crop=0.5), (0, epoch))
        for clip, before in enumerate(batch.lengths.tolist()):
            now = int(found.lengths[clip])
            assert np.ceil(before * 0.5) <= now <= before
            old, new = frames(batch, clip), frames(found, clip)
            at = [start for start in range(before - now + 1) if np.array_equal(old[start : start + now], new)]
            assert at
            if clip > 1:
                starts.add(at[0])
                lengths.add(now)
    assert len(starts) > 8
    assert len(lengths) > 8


def test_a_clip_is_varied_alike_in_every_batch():
    both = prepared(30, 20)
    settings = AugmentSettings(speed=0.5, crop=0.3)
    together = retime(both, settings, (4, 1))
    alone = retime(prepared(30), settings, (4, 1))
    np.testing.assert_array_equal(frames(together, 0), frames(alone, 0))
    assert retime(both, AugmentSettings(rotation=3), (0,)) is both
    again = retime(both, settings, (4, 1))
    assert again.coordinates.equal(together.coordinates)
    assert not retime(both, settings, (4, 2)).lengths.equal(together.lengths)
