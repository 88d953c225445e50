"""Motion residuals and Alg. 1 against the plain version."""

import numpy as np
import pytest
import torch

from masa_model.inputs.masking import mask_candidates
from masa_model.inputs.motion import motion_residuals, pair_confidence
from masa_model.inputs.parts import prepare_clips
from masa_model.settings.masking import MaskingSettings
from tests.masa_model import oracle
from tests.masa_model.conftest import awkward_clips, make_clip, packed, unpacked

PARTS = {"body": range(7), "left": range(7, 28), "right": range(28, 49)}


@pytest.fixture(params=[torch.float32, torch.float64], ids=["float32", "float64"])
def batch(request):
    return prepare_clips(packed(list(awkward_clips().values()), request.param))


def oracle_inputs(batch):
    return list(zip(unpacked(batch, batch.coordinates), unpacked(batch, batch.confidence), strict=True))


@pytest.mark.parametrize("k", [1, 3, 7, 40])
def test_residuals_and_confidence_of_pairs(batch, k):
    found, exists = motion_residuals(batch, k)
    weight = pair_confidence(batch, k, 0.4)
    for (x, r), m, has, w in zip(
        oracle_inputs(batch),
        unpacked(batch, found),
        unpacked(batch, exists),
        unpacked(batch, weight),
        strict=True,
    ):
        np.testing.assert_array_equal(m, oracle.residuals(x, k))
        np.testing.assert_array_equal(w, oracle.pairs(r, k, 0.4))
        assert has.tolist() == [i < len(x) - k for i in range(len(x))]


@pytest.mark.parametrize("denominator", ["visible", "all"])
@pytest.mark.parametrize("magnitude", ["displacement", "coordinate"])
@pytest.mark.parametrize(
    ("k", "eps_m", "delta"), [(3, 5.0, 0.5), (1, 0.0, 0.1), (5, 15.0, 0.6), (3, 2.0, 0.0)]
)
def test_candidates(batch, denominator, magnitude, k, eps_m, delta):
    residuals, exists = motion_residuals(batch, k)
    found = mask_candidates(
        residuals,
        pair_confidence(batch, k, 0.4),
        exists,
        MaskingSettings(
            motion_threshold=eps_m,
            min_moving_fraction=delta,
            rule="paper",
            magnitude=magnitude,
            denominator=denominator,
        ),
    )
    some = 0
    for (x, r), mine in zip(oracle_inputs(batch), unpacked(batch, found), strict=True):
        expected = oracle.candidates(x, r, k, 0.4, eps_m, delta, magnitude, denominator)
        assert np.flatnonzero(mine[:, 0]).tolist() == expected
        assert (mine == mine[:, :1]).all()
        some += len(expected)
    assert some > 0


def test_candidates_of_each_part(batch):
    residuals, exists = motion_residuals(batch, 3)
    weight = pair_confidence(batch, 3, 0.4)
    found = mask_candidates(
        residuals,
        weight,
        exists,
        MaskingSettings(
            motion_threshold=5.0,
            min_moving_fraction=0.5,
            rule="paper",
            mask_set="per_part",
            denominator="visible",
        ),
    )
    for (x, r), mine in zip(oracle_inputs(batch), unpacked(batch, found), strict=True):
        for part, joints in enumerate(PARTS.values()):
            expected = oracle.candidates(x, r, 3, 0.4, 5.0, 0.5, joints=joints)
            assert np.flatnonzero(mine[:, part]).tolist() == expected


@pytest.mark.parametrize("denominator", ["visible", "all"])
@pytest.mark.parametrize("magnitude", ["displacement", "coordinate"])
@pytest.mark.parametrize(
    ("k", "eps_c", "eps_m", "delta"), [(3, 0.4, 5.0, 0.5), (1, 0.7, 3.0, 0.9), (5, 0.0, 15.0, 0.3)]
)
def test_a_frame_is_a_candidate_if_any_part_moves(batch, denominator, magnitude, k, eps_c, eps_m, delta):
    residuals, exists = motion_residuals(batch, k)
    found, by_part = (
        mask_candidates(
            residuals,
            pair_confidence(batch, k, eps_c),
            exists,
            MaskingSettings(
                motion_threshold=eps_m,
                min_moving_fraction=delta,
                magnitude=magnitude,
                denominator=denominator,
                mask_set=mask_set,
            ),
        )
        for mask_set in ("clip", "per_part")
    )
    some = 0
    for (x, r), mine, apart in zip(
        oracle_inputs(batch), unpacked(batch, found), unpacked(batch, by_part), strict=True
    ):
        expected = oracle.moving_part_candidates(x, r, k, eps_c, eps_m, delta, magnitude, denominator)
        assert np.flatnonzero(mine[:, 0]).tolist() == expected
        assert (mine == mine[:, :1]).all()
        for part in range(3):
            alone = oracle.moving_part_candidates(
                x, r, k, eps_c, eps_m, delta, magnitude, denominator, parts=[part]
            )
            assert np.flatnonzero(apart[:, part]).tolist() == alone
        some += len(expected)
    assert some > 0


@pytest.mark.parametrize(("k", "eps_m"), [(3, 3.0), (1, 0.0), (5, 8.0)])
def test_candidates_of_the_released_rule(batch, k, eps_m):
    residuals, exists = motion_residuals(batch, k)
    for mask_set in ("clip", "per_part", "union"):
        found = mask_candidates(
            residuals,
            pair_confidence(batch, k, 0.0),
            exists,
            MaskingSettings(
                motion_threshold=eps_m,
                min_moving_fraction=0.5,
                rule="released",
                mask_set=mask_set,
                denominator="visible",
            ),
        )
        for (x, r), mine in zip(oracle_inputs(batch), unpacked(batch, found), strict=True):
            for part in range(3):
                parts = (0, 1, 2) if mask_set == "clip" else (part,)
                expected = oracle.released_candidates(x, r, k, eps_m, parts)
                assert np.flatnonzero(mine[:, part]).tolist() == expected


def one_hand_signs(confidence):
    """The right hand's fingers move within its outline; the left hand, seen as surely, hangs at rest."""
    keypoints = np.repeat(make_clip(1)[0], 20, axis=0)
    keypoints[:, 28], keypoints[:, 29] = (60, 60), (120, 120)
    keypoints[:, 30:] = 90 + 10 * np.sin(np.arange(20))[:, None, None]
    return keypoints, np.full((20, 49), confidence, np.float32)


@pytest.mark.parametrize(("confidence", "seen"), [(1.0, True), (0.65, True), (0.4, True), (0.39, False)])
def test_graded_confidence_does_not_ask_for_more_motion(confidence, seen):
    """What moves enough at confidence 1 does so at 0.65, which MMPose gives to a hand that it is sure of."""
    batch = prepare_clips(packed([one_hand_signs(confidence)]))
    residuals, exists = motion_residuals(batch, 3)
    pairs = pair_confidence(batch, 3, 0.4)
    by_rule = {
        rule: int(
            mask_candidates(
                residuals,
                pairs,
                exists,
                MaskingSettings(
                    motion_threshold=5.0, min_moving_fraction=0.5, rule=rule, denominator="visible"
                ),
            )[0].sum()
        )
        for rule in ("parts", "paper")
    }
    assert (by_rule["parts"] >= 10) is seen
    assert by_rule["paper"] == 0  # the keypoints of one hand are less than half of 49


def test_a_clip_that_stands_still_has_no_candidate():
    still = awkward_clips()["stands still"]
    batch = prepare_clips(packed([still, make_clip(20, step=8)]))
    residuals, exists = motion_residuals(batch, 3)
    found = mask_candidates(
        residuals,
        pair_confidence(batch, 3, 0.4),
        exists,
        MaskingSettings(motion_threshold=5.0, min_moving_fraction=0.5),
    )
    assert not found[:, batch.clip == 0].any()
    assert found[:, batch.clip == 1].any()
