"""What masa-view shows of the masks, beside the oracle and beside what pre-training itself masks."""

import numpy as np
import pytest

from masa_data.shards.dataset import PoseDataset
from masa_model.inputs.augment import query_view
from masa_model.inputs.masking import masks_of
from masa_model.inputs.motion import Motion
from masa_model.inputs.parts import prepare_clips
from masa_model.inputs.sources import StreamedClips
from masa_model.inputs.track_masks import track_masks
from masa_model.settings.masking import MaskingSettings
from masa_model.settings.pretrain import PretrainSettings
from tests.masa_model import oracle
from tests.masa_model.made_up_signs import make_sign, write


@pytest.fixture
def clips(tmp_path, provenance):
    """Five clips; in frames 2 to 4 of the second no hand is to be seen."""
    tracks = [make_sign(f"clip{n}", n, frames=14 + n) for n in range(5)]
    tracks[1].confidence[2:5, 1:] = 0
    tracks[1].keypoints[2:5, 1:] = np.nan
    tracks[3].confidence[:, 28:40] = 0.5
    return PoseDataset.open(write(tmp_path / "out.h5", provenance, tracks))


@pytest.mark.parametrize("number", range(5))
def test_candidates_shares_and_motion_are_the_oracles(clips, number):
    track = clips[number]
    found = track_masks(track, PretrainSettings(), number)
    one = oracle.prepare(np.nan_to_num(track.keypoints) * 0.4, track.confidence, 256, 192)
    assert np.flatnonzero(found.used).tolist() == one.kept
    if number == 1:
        assert not found.used[2:5].any()
    expected = oracle.moving_part_candidates(one.coordinates, one.confidence, 3, 0.4, 5, 0.5)
    assert np.flatnonzero(found.candidate).tolist() == [one.kept[i] for i in expected]
    assert (found.masked <= found.candidate).all()
    assert found.masked.sum() == (max(1, round(0.9 * len(expected))) if expected else 0)
    weight = oracle.pairs(one.confidence, 3, 0.4)
    moved = np.linalg.norm(oracle.residuals(one.coordinates, 3), axis=2)
    length = moved * weight
    for place, frame in enumerate(one.kept):
        seen = weight[place] > 0
        of_parts = [
            (moved[place, part][seen[part]] >= 5).mean()
            for part in (slice(0, 7), slice(7, 28), slice(28, 49))
            if seen[part].any()
        ]
        share = max(of_parts) if of_parts else np.nan
        np.testing.assert_allclose(found.share[frame], share, rtol=1e-5)
        body = length[place, :7][seen[:7]]
        np.testing.assert_allclose(
            found.motion["body"][frame], body.mean() if len(body) else np.nan, rtol=1e-4
        )
    assert np.isnan(found.share[~found.used]).all()


@pytest.mark.parametrize("mask_set", ["clip", "per_part", "union"])
def test_the_masks_are_those_of_the_first_epoch(clips, mask_set):
    settings = PretrainSettings(size="tiny", seed=3, masking=MaskingSettings(mask_set=mask_set, ratio=0.5))
    [raw] = StreamedClips(clips).batches([np.arange(5)])
    batch = query_view(prepare_clips(raw), settings.augment, (3, 0))
    masked, candidates = masks_of(Motion(batch), settings.masking, 3, (3, 0))
    for number in range(5):
        found = track_masks(clips[number], settings, number)
        here = batch.clip == number
        for ours, theirs in ((found.masked, masked), (found.candidate, candidates)):
            assert ours[found.used].tolist() == theirs.any(0)[here].tolist()
    first, second = (
        [track_masks(clips[n], settings, n, epoch).masked.tolist() for n in range(5)] for epoch in (0, 1)
    )
    assert first != second
