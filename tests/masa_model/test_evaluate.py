import numpy as np
import pytest

from masa_data import PoseDataset
from masa_model.evaluation.evaluate import Scores, evaluate
from masa_model.evaluation.paper import paper_row
from tests.conftest import make_track
from tests.masa_model.made_up_signs import write


def test_nmfs_csl_is_counted_by_variant_too(tmp_path, provenance):
    labels = [0, 609, 609, 610, 1066]
    frames = [5, 16, 17, 40, 70]
    tracks = [
        make_track(f"{place}", frames[place], corpus="nmfs-csl", label=label, split="test")
        for place, label in enumerate(labels)
    ]
    clips = PoseDataset.open(write(tmp_path / "a.h5", provenance, tracks))
    scores = np.zeros((5, 1067), np.float32)
    scores[np.arange(5), labels] = [1, 0.4, 1, 1, 0]
    scores[1, 3] = 0.6  # a confusing sign is second, for another confusing one
    scores[4, 7] = 1  # a normal one is last
    said = Scores(np.array(list("01234"), object), scores, np.array(labels), tuple(map(str, range(1067))))
    found = evaluate(said, clips)
    assert found.total.per_instance[1].value == pytest.approx(3 / 5)
    assert found.total.per_class[1].value == pytest.approx((1 + 1 / 2 + 1 + 0) / 4)
    assert found.variants["confusing"].per_instance[1].value == pytest.approx(2 / 3)
    assert found.variants["confusing"].per_instance[2].value == 1
    assert found.variants["normal"].per_instance[1].value == pytest.approx(1 / 2)
    assert found.total.absent == 1063
    assert found.confused == [("609", "3", 1), ("1066", "7", 1)]
    assert found.by_signer == {}
    assert [clips for _, clips in found.by_length.values()] == [2, 1, 1, 1]
    assert [name.strip() for name in found.by_length] == [
        "1 to 16 frames",
        "17 to 32 frames",
        "33 to 64 frames",
        "65 frames and more",
    ]


@pytest.mark.parametrize(
    ("subset", "corpus", "classes", "top_1"),
    [
        ("wlasl100", "wlasl", 100, 83.72),
        (None, "wlasl", 2000, 49.06),
        (None, "msasl", 1000, 63.47),
        (None, "nmfs-csl", 1067, 71.7),
        (None, "slr500", 500, 96.3),
        (None, "wlasl", 1999, None),  # some glosses are missing: another task
        ("msasl500", "msasl", 500, None),
        (None, "folder", 100, None),
    ],
)
def test_the_paper_s_row(subset, corpus, classes, top_1):
    row = paper_row(subset, corpus, classes)
    assert (row and row.per_instance[1]) == top_1


def test_table_xiii_stands_beside_noise():
    row = paper_row("wlasl300", "wlasl", 300)
    assert row is not None
    assert row.noise[15] == (70.23, 70.47)
    falling = list(zip(*row.noise.values(), strict=True))
    assert all(list(column) == sorted(column, reverse=True) for column in falling)
    msasl = paper_row("msasl100", "msasl", 100)
    assert msasl is not None
    assert not msasl.noise
