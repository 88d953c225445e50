import warnings

import numpy as np
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score, top_k_accuracy_score
from torchmetrics.classification import MulticlassAccuracy

from masa_model.evaluation.metrics import accuracies, accuracy_by, confused_pairs, target_ranks


def test_a_case_worked_by_hand():
    # Class 0: a first and a third place; class 1: a second place; class 2 has no clip; class 3 is unknown.
    scores = np.array([[0.7, 0.2, 0.1], [0.2, 0.3, 0.5], [0.6, 0.4, 0.0], [0.1, 0.8, 0.1]])
    targets = np.array([0, 0, 1, -1])
    ranks = target_ranks(scores, targets)
    assert ranks.tolist() == [0, 2, 1, 3]
    found = accuracies(ranks, np.array([0, 0, 1, -2]), classes=3)
    assert {k: value.value for k, value in found.per_instance.items()} == {1: 0.25, 2: 0.5, 5: 0.75}
    # By class at top-1: 1/2, 0, 0. The class without clips is not among them, the unknown one is.
    assert found.per_class[1].value == pytest.approx((0.5 + 0 + 0) / 3)
    assert found.per_class[2].value == pytest.approx((0.5 + 1 + 0) / 3)
    assert (found.clips, found.classes, found.absent, found.unknown) == (4, 3, 1, 1)


@pytest.mark.parametrize("classes", [1, 2, 3, 4, 5, 20])
@pytest.mark.parametrize("unknown", [0, 15, 42])
def test_a_clip_of_an_unknown_class_is_wrong_at_every_k(classes, unknown):
    random = np.random.default_rng(classes)
    scores, targets = random.random((42, classes)), random.integers(0, classes, 42)
    targets[:unknown] = -1
    found = accuracies(target_ranks(scores, targets), np.where(targets < 0, -2, targets), classes)
    # For scikit-learn the unknown class is one more, and no k is large enough for it to be right.
    scores = np.column_stack([scores, np.full(42, -1.0)])
    for k in (1, 2, 5):
        right = [
            row.argsort(kind="stable")[::-1][: min(k, classes)].tolist().count(target)
            for row, target in zip(scores, targets, strict=True)
        ]
        assert found.per_instance[k].value == pytest.approx(np.mean(right))
        if k <= classes and classes > 1:
            labels = np.where(targets < 0, classes, targets)
            expected = top_k_accuracy_score(labels, scores, k=k, labels=np.arange(classes + 1))
            assert found.per_instance[k].value == pytest.approx(expected)
    assert found.per_instance[5].high <= 1 - unknown / 42 + 0.25
    assert found.unknown == unknown


def test_three_classes_and_a_third_of_the_clips_of_others():
    scores = np.eye(3)[np.arange(42) % 3]
    targets = np.where(np.arange(42) < 15, -1, np.arange(42) % 3)
    found = accuracies(target_ranks(scores, targets), targets, classes=3)
    assert found.per_instance[5].value == found.per_instance[1].value == pytest.approx(27 / 42)
    assert found.per_class[5].value == pytest.approx(3 / 4)


@pytest.mark.parametrize("steps", [1000, 4])  # 4: many ties
@pytest.mark.parametrize("k", [1, 2, 5])
def test_as_scikit_learn_counts_with_missing_classes_and_ties(steps, k):
    random = np.random.default_rng(k)
    scores = random.integers(0, steps, (200, 12)) / steps
    targets = random.choice([0, 1, 2, 4, 5, 7, 8, 9, 11], 200)  # three classes have no clip
    ranks = target_ranks(scores, targets)
    found = accuracies(ranks, targets, classes=12)
    assert found.per_instance[k].value == pytest.approx(
        top_k_accuracy_score(targets, scores, k=k, labels=np.arange(12))
    )
    hits = np.where(ranks < k, targets, -1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # -1 stands for any wrong class
        assert found.per_class[k].value == pytest.approx(balanced_accuracy_score(targets, hits))
    assert found.absent == 3


@pytest.mark.parametrize("k", [1, 2, 5])
def test_as_torchmetrics_counts(k):
    random = np.random.default_rng(k)
    scores, targets = random.random((300, 9)), random.permutation(np.arange(300) % 9)
    found = accuracies(target_ranks(scores, targets), targets, classes=9)
    for average, ours in (("micro", found.per_instance), ("macro", found.per_class)):
        metric = MulticlassAccuracy(9, top_k=k, average=average)
        expected = metric(torch.from_numpy(scores), torch.from_numpy(targets))
        assert ours[k].value == pytest.approx(float(expected))


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    random = np.random.default_rng(0)
    held = 0
    for _ in range(60):
        ranks = np.where(random.random(150) < 0.7, 0, 9)
        interval = accuracies(ranks, np.zeros(150, int), classes=1).per_instance[1]
        held += interval.low <= 0.7 <= interval.high
    assert held >= 50  # 57 are expected; fewer than 50 come once in two thousand times


def test_intervals_of_classes_hold_their_mean_where_the_large_ones_are_the_easy_ones():
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(40), np.where(np.arange(40) < 10, 12, 2))
    chance = np.where(np.arange(40) < 10, 0.9, 0.4)
    held = 0
    for _ in range(60):
        ranks = np.where(random.random(len(groups)) < chance[groups], 0, 9)
        interval = accuracies(ranks, groups, classes=40).per_class[1]
        held += interval.low <= chance.mean() <= interval.high
    assert held >= 50


def test_a_guesser_of_one_class_lies_inside_its_own_interval():
    groups = np.concatenate([np.zeros(30, int), np.arange(1, 100)])
    found = accuracies(np.where(groups == 0, 0, 9), groups, classes=100).per_class[1]
    assert found.value == pytest.approx(0.01)
    assert found.low < 0.01 < found.high


def test_pairs_that_are_confused_and_shares_by_name():
    guesses, targets = np.array([1, 1, 2, 0, 3]), np.array([0, 0, 0, 0, -1])
    assert confused_pairs(guesses, targets) == [(0, 1, 2), (0, 2, 1)]
    assert accuracy_by(np.array([True, False, True]), ["b", "b", "a"]) == {"a": (1.0, 1), "b": (0.5, 2)}
