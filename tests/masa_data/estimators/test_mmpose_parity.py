"""Our batched keypoints are those of MMPose's own inference_topdown, with the same weights and frames."""

from __future__ import annotations

import numpy as np
import pytest

from masa_data.estimators.mmpose.estimator import MMPoseTopDown, whole_frame_boxes
from masa_data.estimators.mmpose.options import MMPoseOptions

TOLERANCE = 1e-3  # pixels, and units of score


def assert_equal(reference, name, frames, flip_test, batch_sizes, boxes=None):
    """Compare, print the largest differences, and return the number of ties that came out differently."""
    boxes = whole_frame_boxes(frames) if boxes is None else boxes
    expected, expected_scores, close = reference(name).run(frames, boxes, flip_test)
    ties = 0
    for batch_size in batch_sizes:
        options = MMPoseOptions(name, str(reference(name).checkpoint), batch_size, flip_test)
        keypoints, scores = MMPoseTopDown(options).estimate_batch(frames, boxes)
        apart = np.abs(keypoints - expected).max(axis=-1)
        tied = (apart > TOLERANCE) & close
        ties += int(tied.sum())
        print(
            f"{name} flip={flip_test} batch={batch_size} frames={len(frames)}: "
            f"keypoints {apart[~tied].max():.2e} px, scores {np.abs(scores - expected_scores).max():.2e}, "
            f"{tied.sum()} ties came out differently, of {close.sum()} among {close.size}"
        )
        assert apart[~tied].max() <= TOLERANCE
        assert np.abs(scores - expected_scores).max() <= TOLERANCE
    return ties


@pytest.mark.parametrize("flip_test", [True, False])
def test_a_sample_of_real_frames(reference, shared_videos, frames_of, flip_test):
    frames = [frame for clip in shared_videos for frame in frames_of(clip, every=10, most=2)[1:]]
    assert_equal(reference, "fast", frames, flip_test, [16])


def test_boxes_other_than_the_frame(reference, moving_frames):
    boxes = np.array(
        [[20, 30, 200, 220], [-40, 10, 90, 300], [0, 0, 319.5, 239.25], [100, 100, 140, 110], [5, 5, 6, 6]],
        np.float32,
    )
    assert_equal(reference, "fast", moving_frames(5), True, [2], boxes)


@pytest.mark.slow
@pytest.mark.parametrize("flip_test", [True, False])
def test_every_frame_of_every_clip(reference, shared_videos, frames_of, flip_test):
    ties = sum(assert_equal(reference, "fast", frames_of(clip), flip_test, [1, 16]) for clip in shared_videos)
    print(f"fast flip={flip_test}: {ties} ties in all")


@pytest.mark.slow
@pytest.mark.parametrize("flip_test", [True, False])
def test_the_balanced_model_on_every_tenth_frame(reference, shared_videos, frames_of, flip_test):
    for clip in shared_videos:
        assert_equal(reference, "balanced", frames_of(clip, every=10), flip_test, [1, 16])


@pytest.mark.slow
@pytest.mark.parametrize("flip_test", [True, False])
def test_the_papers_model_on_a_handful_of_frames(reference, shared_videos, frames_of, flip_test):
    frames = [frames_of(clip, most=1)[0] for clip in shared_videos[::4]]
    assert_equal(reference, "accurate", frames, flip_test, [1, 16])


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "td-hm_res50_8xb64-210e_coco-wholebody-256x192",
        "td-hm_vipnas-mbv3_dark-8xb64-210e_coco-wholebody-256x192",
        "td-hm_vipnas-res50_8xb64-210e_coco-wholebody-256x192",
        "cspnext-m_udp_8xb64-210e_coco-wholebody-256x192",
        "td-hm_hrnet-w32_8xb64-210e_coco-wholebody-256x192",
        "rtmpose-l_8xb64-270e_coco-wholebody-256x192",
        "rtmpose-t_8xb64-270e_coco-ubody-wholebody-256x192",
        "rtmw-m_8xb1024-270e_cocktail14-256x192",
    ],
)
def test_every_kind_of_backbone_and_head(reference, shared_videos, frames_of, name):
    frames = [frames_of(clip, most=1)[0] for clip in shared_videos[::5]]
    assert_equal(reference, name, frames, True, [3])
