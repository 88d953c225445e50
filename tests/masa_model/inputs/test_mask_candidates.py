"""Motion residuals and Alg. 1 against the plain version."""

import numpy as np
import pytest
import torch

from masa_model.inputs.motion import mask_candidates, motion_residuals, pair_confidence
from masa_model.inputs.parts import prepare_clips
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
        motion_threshold=eps_m,
        share=delta,
        magnitude=magnitude,
        denominator=denominator,
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
    found = mask_candidates(residuals, weight, exists, motion_threshold=5.0, share=0.5, mask_set="per_part")
    for (x, r), mine in zip(oracle_inputs(batch), unpacked(batch, found), strict=True):
        for part, joints in enumerate(PARTS.values()):
            expected = oracle.candidates(x, r, 3, 0.4, 5.0, 0.5, joints=joints)
            assert np.flatnonzero(mine[:, part]).tolist() == expected


def test_a_clip_that_stands_still_has_no_candidate():
    still = awkward_clips()["stands still"]
    batch = prepare_clips(packed([still, make_clip(20, step=8)]))
    residuals, exists = motion_residuals(batch, 3)
    found = mask_candidates(
        residuals, pair_confidence(batch, 3, 0.4), exists, motion_threshold=5.0, share=0.5
    )
    assert not found[:, batch.clip == 0].any()
    assert found[:, batch.clip == 1].any()
