import numpy as np
import pytest

from masa_data import DataError
from masa_model.evaluation.evaluate import Scores
from masa_model.evaluation.fusion import fused, read_scores, tune_weight

GLOSSES = ("a", "b", "c")
IDS = np.array(["x", "y"], dtype=object)


def test_rows_are_found_by_id_and_columns_by_gloss(tmp_path):
    path = tmp_path / "rgb.npz"
    logits = np.array([[0.0, 1.0, 2.0], [5.0, 3.0, 4.0], [9.0, 9.0, 9.0]])
    np.savez(path, ids=["y", "x", "other"], scores=logits, glosses=["c", "a", "b"])
    found = read_scores([path], IDS, GLOSSES)
    softmax = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(found, [softmax[1][[1, 2, 0]], softmax[0][[1, 2, 0]]])
    probabilities = np.array([[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]])
    np.savez(path, ids=["x", "y"], scores=probabilities)
    np.testing.assert_allclose(read_scores([path], IDS, GLOSSES), probabilities)


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"ids": ["x"], "scores": np.ones((1, 3))}, "1 of 2 clips have no scores .* 'y'"),
        ({"ids": ["x", "x"], "scores": np.ones((2, 3))}, "twice"),
        (
            {"ids": ["x", "y"], "scores": np.ones((2, 4))},
            r"shape \(2, 4\) .*, expected numbers of shape \(2, 3\)",
        ),
        ({"ids": ["x", "y"], "scores": np.full((2, 3), np.nan)}, "finite"),
        ({"ids": [["x"], ["y"]], "scores": np.ones((2, 3))}, r"ids of shape \(2, 1\)"),
        ({"ids": [], "scores": np.ones((0, 3))}, r"ids of shape \(0,\)"),
        ({"ids": ["x", "y"], "scores": np.full((2, 3), "0.5")}, "<U3.*expected numbers"),
        ({"ids": ["x", "y"], "scores": np.ones((2, 3)), "glosses": ["a", "b", "d"]}, "other glosses"),
        ({"ids": ["x", "y"]}, "no arrays"),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path, arrays, reason):
    np.savez(tmp_path / "rgb.npz", **arrays)
    with pytest.raises(DataError, match=reason):
        read_scores([tmp_path / "rgb.npz"], IDS, GLOSSES)


def test_columns_without_glosses_of_their_own_are_found_by_number(tmp_path):
    path = tmp_path / "rgb.npz"
    scores = np.array([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]], np.float32)
    ours = [("csv", 3), ("csv", 10), ("wlasl", 0)]
    Scores(IDS, scores, np.zeros(2, int), ("", "", ""), tuple(ours[::-1])).save(path)
    found = read_scores([path], IDS, ("", "", ""), ours)
    np.testing.assert_allclose(found, scores[:, ::-1])
    with pytest.raises(DataError, match="other glosses"):
        read_scores([path], IDS, ("", "", ""), [("csv", 4), *ours[1:]])
    # One gloss in two corpora is two classes.
    both = [("folder", 0), ("csv", 0), ("csv", 1)]
    Scores(IDS, scores, np.zeros(2, int), ("a", "a", "b"), tuple(both)).save(path)
    found = read_scores([path], IDS, ("b", "a", "a"), [("csv", 7), ("csv", 8), ("folder", 3)])
    np.testing.assert_allclose(found, scores[:, [2, 1, 0]])


def test_glosses_in_another_form_of_unicode_are_the_same(tmp_path):
    np.savez(tmp_path / "rgb.npz", ids=["x"], scores=[[0.2, 0.8]], glosses=["a", "e\u0301"])
    np.testing.assert_allclose(read_scores([tmp_path / "rgb.npz"], IDS[:1], ("\u00e9", "a")), [[0.8, 0.2]])


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("code of a scores file ran",))


def hostile(path):
    """Files by what is wrong with them."""
    np.savez_compressed(path, ids=IDS.astype(str), scores=np.random.default_rng(0).random((2, 3)))
    good = path.read_bytes()
    at = good.index(b"scores.npy") + 60
    yield "of no format", b"PK nothing"
    yield "cut short", good[: len(good) // 2]
    yield "overwritten within", good[:at] + bytes(30) + good[at + 30 :]
    np.savez_compressed(path, ids=np.array([Bomb(), Bomb()], dtype=object), scores=np.ones((2, 3)))
    yield "with a pickle", path.read_bytes()
    np.savez_compressed(path, ids=IDS.astype(str), scores=np.zeros((20_000_000, 3), np.float32))
    yield "of zeros without end", path.read_bytes()


def test_hostile_files_are_one_line(tmp_path):
    path = tmp_path / "rgb.npz"
    for name, data in hostile(path):
        path.write_bytes(data)
        with pytest.raises(DataError, match=r"rgb\.npz cannot be read") as caught:
            read_scores([path], IDS, GLOSSES)
        assert "\n" not in str(caught.value), name
    with pytest.raises(DataError, match="cannot be read"):
        read_scores([tmp_path / "none.npz"], IDS, GLOSSES)
    with pytest.raises(DataError, match="found a folder, pipe or device"):
        read_scores([tmp_path], IDS, GLOSSES)


def test_the_weight_is_the_best_of_a_search_by_hand():
    random = np.random.default_rng(0)
    targets = random.integers(0, 3, 300)
    ours, others = random.dirichlet(np.ones(3), (2, 300))
    others[np.arange(300), targets] += 0.3  # the other model knows more
    scores = Scores(np.arange(300).astype(object), ours.astype(np.float32), targets, GLOSSES)
    weight = tune_weight(scores, others)

    def right(share: float) -> int:
        return int((((1 - share) * ours + share * others).argmax(1) == targets).sum())

    assert right(weight) == max(right(step / 20) for step in range(21))
    assert right(weight) > right(0)
    np.testing.assert_allclose(fused(ours, others, 0.25), 0.75 * ours + 0.25 * others, rtol=1e-6)
