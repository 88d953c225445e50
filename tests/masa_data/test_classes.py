"""Clips of several files have the classes that they would have in one file, whatever the order."""

import unicodedata
from itertools import permutations

import pytest

from masa_data import DataError, PoseDataset
from masa_data.analysis.quality import summarize, validate
from masa_data.classes.classes import ClassIndex, SignClass
from masa_data.classes.splits import number_glosses
from masa_data.shards.quantize import quantize
from masa_data.shards.reader import PoseShards
from masa_data.shards.writer import write_shard
from masa_data.tracks.track import ClipInfo
from tests.conftest import make_track

SIGNS = ("drink", "eat", "love", "no", "yes")


@pytest.fixture
def write(tmp_path, provenance):
    def write_file(name, *clips):
        """A file of (id, facts), its glosses numbered by its own alphabet, as extraction and imports do."""
        infos = number_glosses(
            [ClipInfo(clip_id, "", **facts, width=640, height=360) for clip_id, facts in clips]
        )
        tracks = [
            make_track(info.id, 2, corpus=info.corpus, gloss=info.gloss, label=info.label, split=info.split)
            for info in infos
        ]
        write_shard(tmp_path / name, provenance, map(quantize, tracks), sum(map(len, tracks)))
        return tmp_path / name

    return write_file


def of(glosses, corpus="folder", prefix="", **facts):
    return [(f"{prefix}{gloss}", {"corpus": corpus, "gloss": gloss, **facts}) for gloss in glosses]


def by_id(dataset):
    classes, places = dataset.classes()
    names = [classes[place].key for place in places]
    return dict(zip(dataset.column("id").tolist(), names, strict=True)), [one.key for one in classes]


@pytest.mark.parametrize("missing", SIGNS)
def test_files_extracted_apart_have_the_classes_of_one_file(write, missing):
    others = [gloss for gloss in SIGNS if gloss != missing]
    train, test = of(SIGNS, split="train"), of(others, prefix="test/", split="test")
    whole = by_id(PoseDataset.open(write("one.h5", *train, *test)))
    files = write("train.h5", *train), write("test.h5", *test)
    assert by_id(PoseDataset.open(*files))[1] == whole[1] == [("folder", gloss) for gloss in SIGNS]
    assert by_id(PoseDataset.open(*files))[0] == by_id(PoseDataset.open(*files[::-1]))[0] == whole[0]
    known, _ = PoseDataset.open(files[0]).classes()
    asked = PoseDataset.open(files[1])
    assert [known[place].gloss for place in asked.places_among(known)] == others


def test_three_files_in_any_order(write):
    parts = [
        write(f"{n}.h5", *of(glosses, prefix=f"{n}/"))
        for n, glosses in enumerate((SIGNS[:2], SIGNS[3:], SIGNS[1:4]))
    ]
    found = [by_id(PoseDataset.open(*some)) for some in permutations(parts)]
    assert all(one == found[0] for one in found)
    assert len(found[0][1]) == 5


def test_a_split_that_lacks_a_gloss_is_asked_by_gloss(write):
    clips = PoseDataset.open(write("a.h5", *of(SIGNS)), write("b.h5", *of(("yes", "eat"), prefix="b/")))
    part = clips.part(clips.column("id") == "b/yes")
    known, _ = clips.classes()
    assert known[part.places_among(known)[0]].gloss == "yes"


def test_numbers_stand_for_classes_where_no_clip_has_a_gloss(write):
    numbered = [(str(n), {"corpus": "csv", "label": n}) for n in (0, 3, 10)]
    clips = PoseDataset.open(write("a.h5", *numbered), write("b.h5", ("b", {"corpus": "csv", "label": 3})))
    assert by_id(clips) == (
        {"0": ("csv", 0), "3": ("csv", 3), "10": ("csv", 10), "b": ("csv", 3)},
        [("csv", n) for n in (0, 3, 10)],
    )
    # In a list with one word more they are texts, and the same classes.
    mixed = PoseDataset.open(write("c.h5", *of(("10", "3", "unknown"), "csv", "c/")))
    known, _ = clips.classes()
    assert mixed.places_among(known).tolist() == [2, 1, -1]


def test_within_a_file_a_number_without_a_gloss_is_that_of_the_others(write):
    tea = ("a", {"corpus": "csv", "label": 3, "gloss": "tea"}), ("b", {"corpus": "csv", "label": 3})
    assert by_id(PoseDataset.open(write("a.h5", *tea)))[0] == {"a": ("csv", "tea"), "b": ("csv", "tea")}


def official(*rows, corpus="wlasl", prefix=""):
    return [
        (f"{prefix}{label}{gloss}", {"corpus": corpus, "label": label, "gloss": gloss})
        for label, gloss in rows
    ]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ([(163, "lose")], [(163, "losear")]),  # WLASL's list of glosses, and its list of clips
        ([(5, "shoe"), (6, "Book")], [(5, "shoes"), (6, "book")]),
        ([(5, "father"), (5, "dad")], [(5, "dad")]),  # a list that knows synonyms
        ([(0, "book")], [(0, ""), (1, "drink")]),
        ([(0, "book")], [(7, "tea")]),
    ],
)
def test_other_words_for_an_official_number_are_the_same_class(write, ours, theirs):
    clips = PoseDataset.open(write("a.h5", *official(*ours)), write("b.h5", *official(*theirs, prefix="b/")))
    found, _ = by_id(clips)
    assert set(found.values()) == {("wlasl", label) for label, _ in ours + theirs}


@pytest.mark.parametrize("corpus", ["wlasl", "msasl", "nmfs-csl", "slr500"])
@pytest.mark.parametrize(
    ("theirs", "message"),
    [
        ([(0, "about")], "class 0 of '{}' is 'book' in .*a.h5 and 'about' in .*b.h5"),
        ([(1, "book")], "class 1 of '{}' is 'books' in .*a.h5 and 'book' in .*b.h5; 1 more"),
        ([(9, "book")], "'book' of '{}' is class 0 in .*a.h5 and 9 in .*b.h5"),
    ],
)
def test_a_gloss_that_contradicts_an_official_number_is_an_error_that_shows_both(
    write, corpus, theirs, message
):
    a = write("a.h5", *official((0, "book"), (1, "books"), corpus=corpus))
    b = write("b.h5", *official(*theirs, corpus=corpus, prefix="b/"))
    with pytest.raises(DataError, match=message.format(corpus)) as error:
        PoseDataset.open(a, b).classes()
    assert "\n" not in str(error.value)
    known, _ = PoseDataset.open(a).classes()
    with pytest.raises(DataError, match="in the recognizer and"):
        PoseDataset.open(b).places_among(known)
    assert len(PoseDataset.open(a, b)) == 3  # for pre-training, which asks for no classes


def test_a_gloss_of_an_official_corpus_gets_no_number_of_its_own(write):
    """An import with --corpus wlasl: numbers by alphabet would be taken for WLASL's."""
    imported = write("a.h5", *of(("about", "book"), "wlasl"))
    clips = PoseDataset.open(imported)
    assert clips.column("label").tolist() == [-1, -1]
    listed = write("b.h5", *official((0, "book"), prefix="b/"))
    found, _ = by_id(PoseDataset.open(imported, listed))
    assert found == {"about": ("wlasl", "about"), "book": ("wlasl", 0), "b/0book": ("wlasl", 0)}
    for one, other in ((imported, listed), (listed, imported)):
        known, _ = PoseDataset.open(one).classes()
        places = PoseDataset.open(other).places_among(known)
        assert [known[place].gloss for place in places if place >= 0] == ["book"]


def test_an_old_recognizer_with_two_numbers_of_one_gloss_is_asked_by_number_too():
    index = ClassIndex([SignClass("csv", 1, "book"), SignClass("csv", 2, "book"), SignClass("csv", 3, "tea")])
    assert [index.place(SignClass("csv", n, "book")) for n in (1, 2, 7)] == [0, 1, -1]
    assert index.place(SignClass("csv", 9, "tea")) == 2


@pytest.mark.parametrize("gloss", ["café", "ключ й", "한국", "ça"])
def test_two_forms_of_one_text_are_one_gloss(write, tmp_path, provenance, gloss):
    forms = [unicodedata.normalize(form, gloss) for form in ("NFC", "NFD")]
    assert forms[0] != forms[1]
    clips = PoseDataset.open(
        write("a.h5", *of(forms, prefix="a/")),
        write("b.h5", *of(forms[1:], prefix="b/"), *of(["a"], prefix="b/")),
    )
    classes, places = clips.classes()
    assert [one.gloss for one in classes] == ["a", forms[0]]
    assert places.tolist() == [1, 1, 1, 0]
    assert set(clips.column("gloss").tolist()) == {"a", forms[0]}


def test_forms_that_a_file_of_an_earlier_version_holds_are_one_class(tmp_path, provenance):
    tracks = [make_track(str(n), 2, corpus="folder", gloss="x", label=n, signer="x") for n in range(2)]
    for track, form in zip(tracks, ("NFC", "NFD"), strict=True):
        for name in ("gloss", "signer"):
            object.__setattr__(track.info, name, unicodedata.normalize(form, "é"))
    write_shard(tmp_path / "old.h5", provenance, map(quantize, tracks), sum(map(len, tracks)))
    with PoseShards.open(tmp_path / "old.h5") as shards:
        assert [shards.info(n).gloss for n in range(2)] == ["é", "é"]
        assert set(shards.column("signer").tolist()) == {"é"}
        assert summarize(shards).classes == {"folder": 1}
        assert summarize(shards).signers == {"folder": 1}
    assert PoseDataset.open(tmp_path / "old.h5").classes()[1].tolist() == [0, 0]
    assert len(PoseDataset.open(tmp_path / "old.h5", signers=[unicodedata.normalize("NFD", "é")])) == 2


def test_what_is_odd_within_a_file_is_shown(write):
    path = write(
        "a.h5",
        *official((0, "book"), (0, "about"), (4, "book")),
        *of(("tea",), "csv"),
        *of(("tea",), "folder", "f/"),
    )
    with PoseShards.open(path) as tracks:
        notes = [finding.text for finding in validate(tracks) if finding.kind == "note"]
    assert any(
        "'wlasl' has 1 class numbers with several glosses, which are one class, such as 0: 'about', 'book'"
        in n
        for n in notes
    )
    assert any(
        "glosses with several class numbers, which are separate classes, such as 'book': 0, 4" in n
        for n in notes
    )
    assert any("such as 'tea' in 'csv' and 'folder'" in n for n in notes)


def test_numbers_of_clips_without_a_gloss_are_not_given_to_glosses():
    infos = number_glosses(
        [
            ClipInfo("a", "", "csv", label=4, width=1, height=1),
            ClipInfo("b", "", "csv", "tea", width=1, height=1),
        ]
    )
    assert [info.label for info in infos] == [4, 5]


def test_classes_of_one_file_have_the_order_of_its_numbers(write):
    rows = [
        (gloss, {"corpus": "csv", "gloss": gloss, "label": n}) for n, gloss in enumerate(("yes", "no", "tea"))
    ]
    file = write("a.h5", *rows)
    assert [one.gloss for one in PoseDataset.open(file).classes()[0]] == ["yes", "no", "tea"]
    other = write("b.h5", *of(("tea", "no"), "csv", "b/"))
    for files in ((file, other), (other, file)):
        assert [one.gloss for one in PoseDataset.open(*files).classes()[0]] == ["no", "tea", "yes"]
