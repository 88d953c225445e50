"""The predictions that need no learning, by hand and against np.interp."""

import numpy as np
import torch

from masa_model.evaluation.motion_quality import copied_residuals, interpolated_residuals
from masa_model.network.autoencoder import prediction_loss


def random_case(seed, frames=20):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(49, 2, frames)), rng.random((49, frames)) > 0.5


def test_interpolation_is_np_interps():
    x, seen = random_case(0)
    seen[3] = False
    seen[4] = False
    seen[4, 7] = True
    found = interpolated_residuals(x, seen, 3)
    frame = np.arange(20)
    for joint in range(49):
        for axis in (0, 1):
            known = np.flatnonzero(seen[joint])
            filled = np.interp(frame, known, x[joint, axis, known]) if len(known) else np.zeros(20)
            expected = np.append(filled[3:] - filled[:-3], [0, 0, 0])
            np.testing.assert_allclose(found[joint, axis], expected, atol=1e-12)


def test_the_nearest_residual_is_copied():
    x, seen = random_case(1)
    seen[3] = False
    found = copied_residuals(x, seen, 3)
    for joint in range(49):
        known = [i for i in range(17) if seen[joint, i] and seen[joint, i + 3]]
        for i in range(20):
            if not known:
                assert not found[joint, :, i].any()
                continue
            nearest = min(known, key=lambda j: (abs(j - i), j))
            np.testing.assert_allclose(found[joint, :, i], x[joint, :, nearest + 3] - x[joint, :, nearest])


def test_clips_no_longer_than_the_interval():
    x, seen = random_case(2, frames=3)
    assert not copied_residuals(x, seen, 3).any()
    assert not interpolated_residuals(x, seen, 3).any()


def test_interpolation_is_perfect_for_straight_lines():
    line = np.arange(15.0) * np.array([[[2.0], [-1.0]]]) + np.zeros((49, 1, 1))
    seen = np.ones((49, 15), bool)
    seen[:, 4:11] = False
    target = np.concatenate([line[:, :, 3:] - line[:, :, :-3], np.zeros((49, 2, 3))], axis=2)
    guess = interpolated_residuals(line, seen, 3)
    loss = prediction_loss(
        torch.from_numpy(guess[:, :, :12]),
        torch.from_numpy(target[:, :, :12]),
        torch.ones(49, 12, dtype=torch.float64),
        torch.ones(3, 12, dtype=torch.bool),
    )
    assert float(loss) < 1e-20
