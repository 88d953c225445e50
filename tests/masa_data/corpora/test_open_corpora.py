"""The corpora that anyone can get: counts of their real lists, real rows in rendered trees, wrong lists."""

import json
import shutil
from collections import Counter
from itertools import islice

import pytest
from click.testing import CliRunner

from cli.corpus import main as corpus_command
from cli.extract import main as extract_command
from masa_data.corpora.check import CorpusReport, check_rows
from masa_data.corpora.named import list_corpus
from masa_data.errors import DataError


def counts(listing):
    """Clips and signers of each split."""
    clips = Counter(row.clip.split for row in listing.rows)
    signers = {split: {row.clip.signer for row in listing.rows if row.clip.split == split} for split in clips}
    return {split: (clips[split], len(signers[split] - {""})) for split in clips}


@pytest.mark.parametrize(
    ("name", "lists", "expected", "glosses"),
    [
        (
            "autsl",
            "annotations_autsl",
            {"train": (28_142, 31), "val": (4_418, 6), "test": (3_742, 6)},
            226,
        ),
        ("include", "annotations_include", {"train": (3_475, 0), "test": (817, 0)}, 263),
        (
            "include",
            "annotations_include/train_include50.csv",
            {"train": (766, 0), "test": (192, 0)},
            50,
        ),
        ("lsa64", "annotations_lsa64", {"": (3_200, 10)}, 64),
        ("gsl", "annotations_gsl", {"train": (34_995, 6), "val": (2_331, 1), "test": (3_500, 1)}, 310),
    ],
)
def test_counts_of_the_real_lists(shared_data, tmp_path, name, lists, expected, glosses):
    listing = list_corpus(name, tmp_path, shared_data / lists)
    assert counts(listing) == expected
    assert len({row.clip.gloss for row in listing.rows} - {""}) == glosses
    assert listing.problems == []
    assert len({row.clip.id for row in listing.rows}) == len(listing.rows)


def found(listing):
    return {
        row.clip.id: (row.clip.gloss, row.clip.label, row.clip.split, row.clip.signer)
        for row in listing.rows
        if row.found
    }


def first_rows(lists, folder, names):
    """Copy the first rows of lists: the whole ones are counted above, and reading them takes seconds."""
    for name in names:
        with (lists / name).open("rb") as file:
            (folder / name).write_bytes(b"".join(islice(file, 300)))


def test_autsl_beside_its_depth_videos(shared_data, tmp_path, render):
    names = ("train_labels.csv", "validation_labels.csv", "test_labels.csv", "SignList_ClassId_TR_EN.csv")
    first_rows(shared_data / "annotations_autsl", tmp_path, names)
    for name in ("train/signer0_sample1_color", "train/signer0_sample1_depth", "train/signer0_sample2_color"):
        render(tmp_path / f"{name}.mp4", 9)
    render(tmp_path / "validation/color/signer1_sample1_color.mp4", 9)  # as some copies have it
    listing = list_corpus("autsl", tmp_path)
    assert found(listing) == {
        "signer0_sample1": ("cirkin", 41, "train", "signer0"),
        "signer0_sample2": ("kalorifer", 104, "train", "signer0"),
        "signer1_sample1": ("nasil", 136, "val", "signer1"),
    }
    assert listing.problems == []
    assert listing.ignored["another kind of video"] == 1


def test_include_in_categories_written_otherwise(shared_data, tmp_path, render):
    sad = render(tmp_path / "Adjectives_1of8/Adjectives/4. sad/MVI_9568.mov", 9)
    sad.rename(sad.with_suffix(".MOV"))
    render(tmp_path / "Days and Time/67. Monday/MVI_5009.mp4", 9)  # the list: Days_and_Time, and .MOV
    listing = list_corpus("include", tmp_path, shared_data / "annotations_include")
    monday = "67. Monday/MVI_5009"
    assert found(listing)["Adjectives/4. sad/MVI_9568"] == ("sad", -1, "train", "")
    assert [facts[0] for name, facts in found(listing).items() if name.endswith(monday)] == ["Monday"]
    assert listing.problems == []


def test_lsa64_with_the_real_clip(shared_data, tmp_path):
    shutil.copy(shared_data / "video_misc/lsa64_001_001_001.mp4", tmp_path / "001_001_001.mp4")
    shutil.copy(shared_data / "annotations_lsa64/lsa64_signs.es.md", tmp_path)
    listing = list_corpus("lsa64", tmp_path)
    assert found(listing) == {"001_001_001": ("Opaco", 0, "", "001")}
    assert next(check_rows(listing.rows)).state == "found"


def test_gsl_is_folders_of_images(shared_data, tmp_path, render):
    folder = render(tmp_path / "frames/police1_signer1_rep1_glosses/glosses0000", 9)
    render(tmp_path / "health1_signer3_rep1_glosses/glosses0001.mp4", 9)
    names = ("train_greek_iso.csv", "val_greek_iso.csv", "test_greek_iso.csv")
    first_rows(shared_data / "annotations_gsl", tmp_path, names)
    listing = list_corpus("gsl", tmp_path)
    assert found(listing) == {
        "police1_signer1_rep1_glosses/glosses0000": ("ΓΕΙΑ", -1, "train", "signer1"),
        "health1_signer3_rep1_glosses/glosses0001": ("ΕΓΩ(1)", -1, "val", "signer3"),
    }
    assert next(row for row in listing.rows if row.found).clip.source == folder
    assert listing.ignored == {".csv": 3}  # no image was looked at


def asl_citizen(folder):
    """Rows of the form of the real lists, which are not at hand."""
    header = "Participant ID,Video file,Gloss,ASL-LEX Code\n"
    rows = {
        "train": "P1,0123-ABOUT.mp4,ABOUT,A_01_001\nP2,0456-seedREMEMBER.mp4,REMEMBER2,B_02_002\n",
        "val": 'P3,"0789-seedWAIT, WHAT.mp4","WAIT, WHAT",C_03_003\n',
        "test": "P4,9999-ABOUT.mp4,ABOUT,A_01_001\n",
    }
    (folder / "splits").mkdir(parents=True)
    for split, text in rows.items():
        (folder / f"splits/{split}.csv").write_text(header + text)
    return folder


def test_asl_citizen_takes_the_gloss_of_the_list(tmp_path, render):
    asl_citizen(tmp_path)
    for name in ("0123-ABOUT", "0456-seedREMEMBER", "0789-seedWAIT, WHAT"):
        render(tmp_path / f"videos/{name}.mp4", 9)
    listing = list_corpus("asl-citizen", tmp_path)
    assert found(listing) == {
        "0123-ABOUT": ("ABOUT", -1, "train", "P1"),
        "0456-seedREMEMBER": ("REMEMBER2", -1, "train", "P2"),
        "0789-seedWAIT, WHAT": ("WAIT, WHAT", -1, "val", "P3"),
    }
    report = CorpusReport(listing)
    for checked in check_rows(listing.rows):
        report.add(checked)
    report.finish()
    assert report.untrained == ["WAIT, WHAT"]  # classes are compared by gloss, since they have no number


@pytest.mark.parametrize(
    ("name", "file", "content", "expected"),
    [
        (
            "autsl",
            "train_labels.csv",
            "signer0_sample1,41\nsigner0,4\n",
            "row 2: found 'signer0,4', expected",
        ),
        ("autsl", "train_labels.csv", "signer0_sample1,4\nsigner0_sample2,226\n", "label from 0 to 225"),
        ("autsl", "train_labels.csv", "signer0_sample1,4\nsigner0_sample1,4\n", "again, expected each once"),
        (
            "include",
            "train_include.csv",
            "Category,Word,Video,FilePath\na,1. b,c.MOV,a/1. b/c.MOV\na,1. b,c.MOV,a/../../c.MOV\n",
            "row 3: found the path 'a/../../c.MOV', expected one like",
        ),
        (
            "gsl",
            "train_greek_iso.csv",
            "a_signer1_rep1_glosses/glosses0000|Α\n/etc/passwd|Α\n",
            "row 2: found the path '/etc/passwd', expected the folder of a clip",
        ),
        ("gsl", "train_greek_iso.csv", "a_signer1_rep1_glosses/glosses0000|Α\na/b\n", "row 2: found"),
        (
            "asl-citizen",
            "train.csv",
            "Participant ID,Video file,Gloss,ASL-LEX Code\nP1,a.mp4,A,\nP1,../b.mp4,A,\n",
            "row 3: found '../b.mp4' as `Video file`, expected a plain name",
        ),
        (
            "asl-citizen",
            "train.csv",
            "Participant ID,Video file,Gloss,ASL-LEX Code\nP1,a.mp4,A,\nP1,b.mp4,,\n",
            "row 3: found no gloss",
        ),
    ],
)
def test_a_wrong_row_costs_one_line_and_the_others_are_kept(tmp_path, name, file, content, expected):
    (tmp_path / file).write_text(content)
    listing = list_corpus(name, tmp_path)
    assert len(listing.rows) == 1
    (problem,) = (problem for problem in listing.problems if problem.kind == "failed")
    assert expected in problem.reason
    assert "\n" not in problem.reason


@pytest.mark.parametrize(
    ("name", "file", "content", "expected"),
    [
        ("autsl", "train_labels.csv", b"signer0_sample1,\xff", "found bytes that are not UTF-8"),
        ("autsl", "SignList_ClassId_TR_EN.csv", b"ClassId,TR,EN\n226,a,b\n", "expected 0 to 225"),
        ("autsl", "SignList_ClassId_TR_EN.csv", b"a;b\n", "expected ClassId, TR, EN"),
        ("include", "train_include.csv", b"path,label\n", "expected Word, FilePath"),
        ("include", "include.csv", b"", "found no list in .*, expected train_include.csv"),
        ("lsa64", "lsa64_signs.md", b"65|Word|R|\n", "expected a number from 1 to 64"),
        ("gsl", "train_greek_iso.txt", b"", "found no list in .*, expected train_greek_iso.csv"),
        ("asl-citizen", "train.csv", b"path,label\na.mp4,b\n", "expected Participant ID, Video file, Gloss"),
        ("asl-citizen", "train.csv", b'Participant ID,Video file,Gloss\nP1,a,"b', "found no valid CSV"),
    ],
)
def test_a_wrong_list_costs_one_line(tmp_path, name, file, content, expected):
    if name == "autsl":
        (tmp_path / "train_labels.csv").write_text("signer0_sample1,41\n")
    (tmp_path / file).write_bytes(content)
    with pytest.raises(DataError, match=expected) as caught:
        list_corpus(name, tmp_path)
    assert "\n" not in str(caught.value)


def test_a_list_that_is_not_there_is_said(tmp_path):
    (tmp_path / "train_labels.csv").write_text("signer0_sample1,41\n")
    reasons = [problem.reason for problem in list_corpus("autsl", tmp_path).problems]
    assert reasons == [
        "found no validation_labels.csv: no clip of val is listed",
        "found no test_labels.csv: no clip of test is listed",
    ]
    with pytest.raises(DataError, match=r"expected train_labels.csv, validation_labels.csv"):
        list_corpus("autsl", tmp_path, asl_citizen(tmp_path / "other") / "splits/val.csv")


def test_the_commands_take_the_names(shared_data, tmp_path, render):
    root = asl_citizen(tmp_path / "ASL_Citizen")
    render(root / "videos/0123-ABOUT.mp4", 9)
    arguments = ["asl-citizen", "--root", str(root)]
    checked = CliRunner().invoke(corpus_command, ["check", *arguments, "--json"])
    assert checked.exit_code == 3
    report = json.loads(checked.stdout)
    assert [row["found"] for row in report["counts"]] == [1, 0, 0]
    assert report["classes_without_training"] == ["REMEMBER2", "WAIT, WHAT"]
    listed = CliRunner().invoke(
        extract_command, ["--corpus", *arguments, "--dry-run", "--estimator", "mediapipe", "out.h5"]
    )
    assert "0123-ABOUT: " in listed.stdout
    assert "gloss ABOUT, train, signer P1" in " ".join(listed.stdout.split())
    assert "3 more are in the lists but not on disk" in listed.stdout
