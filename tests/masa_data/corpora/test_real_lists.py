"""Counts that the corpora's own lists must come out with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from masa_data.corpora.listing import CorpusListing
from masa_data.corpora.msasl import read_synonyms
from masa_data.corpora.named import list_corpus


def by_split(listing: CorpusListing, subset: str | None = None) -> tuple[int, int, int]:
    labels = listing.subsets[subset] if subset else None
    count = Counter(row.clip.split for row in listing.rows if labels is None or row.clip.label in labels)
    assert set(count) <= {"train", "val", "test"}
    return count["train"], count["val"], count["test"]


def test_wlasl_v03(shared_data, tmp_path):
    lists = shared_data / "annotations_wlasl"
    listing = list_corpus("wlasl", tmp_path, lists)
    assert by_split(listing) == (14289, 3916, 2878)
    assert [by_split(listing, f"wlasl{count}")[2] for count in (100, 300, 1000, 2000)] == [
        258,
        668,
        1876,
        2878,
    ]
    assert len({row.clip.signer for row in listing.rows}) == 119
    content = json.loads((lists / "WLASL_v0.3.json").read_text())
    labels = {clip["video_id"]: label for label, gloss in enumerate(content) for clip in gloss["instances"]}
    assert all(row.clip.label == labels[row.clip.id] for row in listing.rows)
    starts = [row for row in listing.rows if row.clip.declared and row.clip.declared.start > 0]
    assert len(starts) == 1840
    assert not any(problem.kind == "failed" for problem in listing.problems)
    said = "\n".join(problem.reason for problem in listing.problems)
    assert "nslt_2000.json has 12 clips that WLASL_v0.3.json lacks: 09500, 12209" in said
    assert "label 163: found 'losear', WLASL_v0.3.json has 'lose'" in said


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("nslt_300", (3549, 901, 668)),
        ("nslt_2000", (14296, 3920, 2879)),
    ],
)
def test_wlasl_nslt(shared_data, tmp_path, name, counts):
    listing = list_corpus("wlasl", tmp_path, shared_data / "annotations_wlasl" / f"{name}.json")
    assert by_split(listing) == counts
    assert all(row.clip.gloss for row in listing.rows)
    extra = [row.clip for row in listing.rows if not row.clip.signer]  # v0.3 does not know these
    assert len(extra) == {"nslt_300": 1, "nslt_2000": 12}[name]
    said = [problem.reason for problem in listing.problems]
    assert len(said) == 1
    assert f"{len(extra)} clips that WLASL_v0.3.json lacks" in said[0]


def test_wlasl_lists_of_the_same_form(shared_data, tmp_path):
    listing = list_corpus(
        "wlasl", tmp_path, shared_data / "annotations_wlasl" / "openhands_splits/asl300.json"
    )
    assert by_split(listing) == (3549, 900, 668)


def test_msasl(shared_data, tmp_path):
    listing = list_corpus("msasl", tmp_path, shared_data / "annotations_msasl")
    assert by_split(listing) == (16054, 5287, 4172)
    subsets = [by_split(listing, f"msasl{count}") for count in (100, 200, 500, 1000)]
    assert subsets == [(3790, 1190, 757), (6321, 2041, 1359), (11403, 3702, 2720), (16054, 5287, 4172)]
    assert [(problem.kind, problem.clip) for problem in listing.problems] == [("warning", "train/02350")]
    assert all(row.url.startswith("https://www.youtube.com/") for row in listing.rows)
    groups = read_synonyms(tmp_path, shared_data / "annotations_msasl")
    assert len(groups) == 272
    assert frozenset({"father", "dad", "daddy"}) in groups


def test_slr500_by_signer_whatever_the_lists_say(shared_data, tmp_path):
    listing = list_corpus("slr500", tmp_path, shared_data / "annotations_slr500")
    assert by_split(listing) == (89945, 0, 35000)
    for row in listing.rows:
        clip = row.clip
        assert clip.label == int(clip.source.parent.name)
        assert clip.split == ("train" if int(clip.signer[1:]) <= 36 else "test")
    (warning,) = listing.problems
    assert "2,500 rows are in another split than their signer's" in warning.reason
    assert "P36 ×2,500" in warning.reason


_MEASURE = """
import sys, time
from pathlib import Path
from masa_data.corpora.named import list_corpus
from tests.measuring import peak_kilobytes
before = time.process_time()
listing = list_corpus(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]) if sys.argv[3] else None)
seconds = time.process_time() - before
print(len(listing.rows), sum(row.found for row in listing.rows), seconds, peak_kilobytes())
"""


def measure(*arguments: str) -> tuple[int, int, float, int]:
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, *arguments],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    )
    rows, found, seconds, kilobytes = done.stdout.split()
    return int(rows), int(found), float(seconds), int(kilobytes)


def test_listing_slr500_is_quick_and_small(tmp_path):
    rows, found, seconds, kilobytes = measure("slr500", str(tmp_path), "")
    assert (rows, found) == (125_000, 0)
    assert seconds < 5
    assert kilobytes < 500_000


@pytest.mark.slow  # making and removing so many files takes longer than listing them
def test_listing_slr500_with_all_its_files_is_quick_and_small(tmp_path):
    for label in range(500):
        folder = tmp_path / f"{label:03d}"
        folder.mkdir()
        sign = f"{label // 20 + 1:02d}_{label % 20:02d}"
        for signer in range(1, 51):
            for repetition in range(5):
                os.mknod(folder / f"P{signer:02d}_{sign}_{repetition}._color.mp4")
    rows, found, seconds, kilobytes = measure("slr500", str(tmp_path), "")
    assert (rows, found) == (125_000, 125_000)
    assert seconds < 5
    assert kilobytes < 500_000


def test_listing_msasl_is_quick_and_small(shared_data, tmp_path):
    rows, _, seconds, kilobytes = measure("msasl", str(tmp_path), str(shared_data / "annotations_msasl"))
    assert rows == 25_513
    assert seconds < 5
    assert kilobytes < 500_000
