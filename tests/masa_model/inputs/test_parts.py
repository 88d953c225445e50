"""Parts and coordinates against the plain version, clip by clip."""

import numpy as np
import pytest
import torch

from masa_model.inputs.parts import prepare_clips
from tests.masa_model import oracle
from tests.masa_model.conftest import HEIGHT, WIDTH, awkward_clips, make_clip, packed, unpacked


def assert_as_the_oracle_says(clips, width=WIDTH, height=HEIGHT, **options):
    batch = prepare_clips(packed(clips, torch.float64, width, height), **options)
    coordinates = unpacked(batch, batch.coordinates)
    confidence = unpacked(batch, batch.confidence)
    present = unpacked(batch, batch.hand_present)
    for number, (keypoints, sure) in enumerate(clips):
        expected = oracle.prepare(keypoints.astype(float), sure.astype(float), width, height, **options)
        assert len(coordinates[number]) == len(expected.kept)
        np.testing.assert_allclose(coordinates[number], expected.coordinates, atol=1e-9)
        np.testing.assert_allclose(confidence[number], expected.confidence, atol=1e-12)
        np.testing.assert_array_equal(present[number], expected.hand_present)
    np.testing.assert_array_equal(
        batch.position.numpy(), np.concatenate([np.arange(n) for n in batch.lengths.tolist()])
    )
    return batch


@pytest.mark.parametrize("crop_reference", ["frame", "clip"])
def test_all_sorts_of_clips(crop_reference):
    assert_as_the_oracle_says(list(awkward_clips().values()), crop_reference=crop_reference)


@pytest.mark.parametrize(("width", "height"), [(256, 144), (144, 256), (256, 256)])
def test_frames_of_other_shapes(width, height):
    assert_as_the_oracle_says([make_clip(9, seed) for seed in range(3)], float(width), float(height))


def test_long_clips_are_thinned_out():
    clips = [make_clip(frames, missing=0) for frames in (149, 150, 151, 300, 301)]
    batch = assert_as_the_oracle_says(clips)
    assert batch.lengths.tolist() == [149, 150, 76, 150, 101]


def test_hands_lie_between_minus_128_and_128_and_mirror_each_other():
    keypoints, confidence = make_clip(10, missing=0)
    confidence[:] = 1
    keypoints[:, 28:] = keypoints[:, 7:28] * np.array([-1, 1]) + np.array([256, 0])
    keypoints[..., 1] = keypoints[..., 1].clip(60, 130)
    keypoints[:, 7:28, 0] = keypoints[:, 7:28, 0].clip(60, 120)
    keypoints[:, 28:, 0] = 256 - keypoints[:, 7:28, 0]
    batch = prepare_clips(packed([(keypoints, confidence)]))
    left, right = batch.coordinates[7:28], batch.coordinates[28:]
    assert left.abs().max() <= 128
    torch.testing.assert_close(left, right, atol=1e-3, rtol=0)


def test_a_whole_clip_is_kept_where_no_hand_is_ever_found():
    batch = prepare_clips(packed([awkward_clips()["nothing seen"]]))
    assert batch.lengths.tolist() == [12]
    assert not batch.hand_present.any()
    assert not batch.coordinates.any()
