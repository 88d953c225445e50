"""Glosses of two corpora that mean the same become one class."""

import numpy as np
import pytest
from click.testing import CliRunner

from cli.convert import main
from masa_data import PoseDataset
from masa_data.shards.quantize import quantize
from masa_data.shards.writer import write_shard
from tests.conftest import make_track


@pytest.fixture
def both(tmp_path, provenance):
    """A file of clips of WLASL, AUTSL and a folder."""
    clips = [
        ("w1", {"corpus": "wlasl", "gloss": "book", "label": 0, "split": "train"}),
        ("w2", {"corpus": "wlasl", "gloss": "drink", "label": 1, "split": "train"}),
        ("a1", {"corpus": "autsl", "gloss": "kitap", "label": 120, "split": "test"}),
        ("f1", {"corpus": "folder", "gloss": "Book", "label": 0, "split": "test"}),
    ]
    tracks = [make_track(name, 3, **facts) for name, facts in clips]
    write_shard(tmp_path / "both.h5", provenance, map(quantize, tracks), 12)
    return tmp_path / "both.h5"


def join(both, table, *arguments):
    path = both.with_name("same.csv")
    path.write_text(table, encoding="utf-8")
    return CliRunner().invoke(main, ["join-glosses", str(both), str(path), *arguments])


TABLE = "corpus,gloss,sign\nwlasl,book,BOOK\nautsl,kitap,BOOK\nfolder,Book,BOOK\nautsl,okul,SCHOOL\n"


def test_one_class_of_three_glosses(both):
    before = PoseDataset.open(both)
    frames = before.frames_of(np.arange(4))
    assert len(before.classes()[0]) == 4
    done = join(both, TABLE)
    assert done.exit_code == 0, done.output
    assert "3 clips of 4 change; 1 class of 'joined'" in done.output
    assert "1 row names a gloss that no clip has: 'okul' of autsl" in done.output
    after = PoseDataset.open(both)
    classes, places = after.classes()
    assert [(one.corpus, one.label, one.gloss) for one in classes] == [
        ("joined", 0, "BOOK"),
        ("wlasl", 1, "drink"),
    ]
    assert places.tolist() == [0, 1, 0, 0]
    for found, expected in zip(after.frames_of(np.arange(4)), frames, strict=True):
        np.testing.assert_array_equal(found, expected)
    # A recognizer of the joined classes of the training clips knows those of the test clips.
    train, test = (PoseDataset.open(both, splits=[split]) for split in ("train", "test"))
    assert test.places_among(train.classes()[0]).tolist() == [0, 0]


def test_a_dry_run_changes_nothing(both):
    content = both.read_bytes()
    done = join(both, TABLE, "--dry-run")
    assert "both.h5 is unchanged." in done.output
    assert both.read_bytes() == content


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("corpus,gloss\na,b\n", "found the columns corpus, gloss, expected corpus, gloss, sign"),
        ("corpus,gloss,sign\nwlasl,book,\n", "same.csv:2: found an empty value, expected three"),
        ("corpus,gloss,sign\nwlasl,book,A\nwlasl,book,B\n", "same.csv:3: found the signs 'A' and 'B'"),
        ("corpus,gloss,sign\nwlasl,book\n", "found 2 values, but the first line names 3 columns"),
        ("", "found the columns none"),
    ],
)
def test_a_wrong_table_costs_one_line(both, table, expected):
    content = both.read_bytes()
    done = join(both, table)
    assert done.exit_code == 2
    assert expected in done.stderr
    assert done.stderr.count("\n") == 1
    assert both.read_bytes() == content


def test_a_corpus_with_numbers_of_its_own_is_no_name_for_joined_classes(both):
    done = join(both, TABLE, "--corpus", "wlasl")
    assert done.exit_code == 2
    assert "found 'wlasl' as the name of joined classes" in done.stderr
