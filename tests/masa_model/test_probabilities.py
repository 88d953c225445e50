"""Temperatures and calibration errors beside direct searches, plain loops and recognizers made to order."""

import numpy as np
import pytest
import torch

from masa_model.training.probabilities import calibration_error, fit_temperature


def softmax(scores):
    powers = np.exp(scores - scores.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_the_temperature_that_scores_were_spoiled_by_is_found(temperature):
    random = np.random.default_rng(0)
    scores = random.normal(0, 2, (20_000, 10))
    targets = np.array([random.choice(10, p=row) for row in softmax(scores)])
    spoiled = softmax(scores * temperature)
    assert fit_temperature(spoiled, targets) == pytest.approx(temperature, rel=0.03)


def test_it_is_the_best_of_a_direct_search():
    random = np.random.default_rng(1)
    scores = torch.from_numpy(random.normal(0, 4, (200, 7)))
    targets = torch.from_numpy(random.integers(0, 7, 200))
    wanted = torch.full((200, 7), 1 / (202 * 7)).double()
    wanted[torch.arange(200), targets] += 1 - 1 / 202

    def loss(value):
        return float(torch.nn.functional.cross_entropy(scores / value, wanted))

    found = fit_temperature(scores.softmax(1).numpy(), targets.numpy())
    assert loss(found) <= min(loss(value) for value in np.geomspace(0.05, 20, 2000)) + 1e-6


def test_few_right_answers_do_not_make_it_sure_of_everything():
    random = np.random.default_rng(2)
    targets = random.integers(0, 4, 8)
    probabilities = softmax(np.eye(4)[targets] * 2 + random.normal(0, 0.1, (8, 4)))
    assert (probabilities.argmax(1) == targets).all()
    temperature = fit_temperature(probabilities, targets)
    assert softmax(np.log(probabilities) / temperature).max() < 0.99
    assert fit_temperature(np.empty((0, 4)), np.empty(0, np.int64)) == 1.0


def test_probabilities_of_nothing_are_no_trouble():
    probabilities = np.array([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    assert 1 < fit_temperature(probabilities, np.array([0, 1])) <= 20


def loop(probabilities, targets, bins=15):
    total = 0.0
    best, guess = probabilities.max(1), probabilities.argmax(1)
    for place in range(bins):
        here = (best > place / bins) & (best <= (place + 1) / bins)
        if here.any():
            total += here.mean() * abs((guess == targets)[here].mean() - best[here].mean())
    return total


@pytest.mark.parametrize("classes", [2, 5, 40])
def test_the_calibration_error_is_that_of_a_plain_loop(classes):
    random = np.random.default_rng(classes)
    probabilities = softmax(random.normal(0, 2, (500, classes)))
    targets = random.integers(-1, classes, 500)
    assert calibration_error(probabilities, targets) == pytest.approx(loop(probabilities, targets), abs=1e-6)


def test_a_temperature_from_val_makes_other_clips_calibrated():
    random = np.random.default_rng(3)
    scores = random.normal(0, 2, (4000, 12))
    targets = np.array([random.choice(12, p=row) for row in softmax(scores)])
    spoiled = softmax(scores * 2.5)
    temperature = fit_temperature(spoiled[:2000], targets[:2000])
    mended = softmax(np.log(spoiled[2000:]) / temperature)
    assert calibration_error(spoiled[2000:], targets[2000:]) > 0.15
    assert calibration_error(mended, targets[2000:]) < 0.04


def test_clips_of_unknown_classes_count_as_wrong():
    assert calibration_error(np.array([[0.98, 0.02]] * 4), np.full(4, -1)) == pytest.approx(0.98, abs=1e-6)
