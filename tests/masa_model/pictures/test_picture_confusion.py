"""The matrix beside scikit-learn's, and which classes are named where there are many."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from masa_data.errors import DataError
from masa_model.evaluation.evaluate import Scores
from masa_model.pictures.confusion import confusion_of, draw_confusion


def scores_of(targets, guesses, classes):
    ids = np.array([str(n) for n in range(len(targets))], object)
    probabilities = np.eye(classes, dtype=np.float32)[guesses]
    return Scores(ids, probabilities, np.asarray(targets), tuple(f"g{n}" for n in range(classes)))


def test_few_classes_are_scikit_learns_matrix():
    rng = np.random.default_rng(0)
    targets, guesses = rng.integers(0, 6, 200), rng.integers(0, 6, 200)
    found = confusion_of(scores_of(targets, guesses, 6))
    np.testing.assert_array_equal(found.counts, confusion_matrix(targets, guesses))
    assert (found.others, found.unknown, found.names) == (0, 0, tuple(f"g{n}" for n in range(6)))
    assert found.right == pytest.approx((targets == guesses).mean())
    figure = draw_confusion(found, "val")
    assert figure.axes[0].get_title() == f"200 clips of val: accuracy {found.right:.1%}"
    cells = {
        (int(text.get_position()[1]), int(text.get_position()[0])): int(text.get_text())
        for text in figure.axes[0].texts
    }
    assert cells == {(t, g): n for (t, g), n in np.ndenumerate(found.counts) if n}


def test_of_many_classes_those_in_most_mistakes_are_named():
    # 100 classes, all right, but 7 is taken for 50 three times, and 80 for 3 twice.
    targets = [*range(100), 7, 7, 7, 80, 80]
    guesses = [*range(100), 50, 50, 50, 3, 3]
    found = confusion_of(scores_of(targets, guesses, 100), most=4)
    assert found.names == ("g3", "g7", "g50", "g80")
    assert found.others == 96
    np.testing.assert_array_equal(
        found.counts, [[1, 0, 0, 0, 0], [0, 1, 3, 0, 0], [0, 0, 1, 0, 0], [2, 0, 0, 1, 0], [0, 0, 0, 0, 96]]
    )
    assert "The 4 glosses with the most mistakes" in draw_confusion(found, "test").axes[0].get_title()
    assert confusion_of(scores_of(targets, guesses, 100)).counts.sum() == 105


def test_classes_that_nothing_is_said_of_have_no_row():
    found = confusion_of(scores_of([0, 1], [1, 1], 5))
    assert found.names == ("g0", "g1")
    assert found.counts.tolist() == [[0, 1, 0], [0, 1, 0], [0, 0, 0]]


def test_clips_of_unknown_classes_are_wrong_and_not_shown():
    found = confusion_of(scores_of([0, -1, 1], [0, 0, 1], 2))
    assert (found.counts.sum(), found.unknown) == (2, 1)
    assert found.right == pytest.approx(2 / 3)
    assert (
        "1 clips of glosses that the recognizer does not have"
        in draw_confusion(found, "x").axes[0].get_title()
    )
    with pytest.raises(DataError, match="no clip is of a class"):
        confusion_of(scores_of([-1], [0], 2))


def test_glosses_are_drawn_whole_and_within_the_picture():
    # Two sources that share a word differ only in the beginning of the name.
    names = ("AdityaNaik01/Sign-Language-Recognition:please", "Jeet/Sign-Language-Translator-renewed:please")
    rng = np.random.default_rng(1)
    scores = scores_of(rng.integers(0, 2, 40), rng.integers(0, 2, 40), 2)
    figure = draw_confusion(confusion_of(replace(scores, glosses=names)), "val")
    figure.draw_without_rendering()
    labels = [*figure.axes[0].get_xticklabels(), *figure.axes[0].get_yticklabels()]
    assert {label.get_text() for label in labels if label.get_text()} == set(names)
    for label in labels:
        box = label.get_window_extent()
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= figure.bbox.width
        assert box.y1 <= figure.bbox.height
