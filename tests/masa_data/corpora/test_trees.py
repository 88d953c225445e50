"""Tiny trees of each corpus's layout, with made-up rows of the real form, and with real rows."""

import json
import math
import os
import shutil

import pytest
from made_up_rows import dump, instance, sample

from masa_data.corpora.check import CorpusReport, check_rows
from masa_data.corpora.named import list_corpus
from masa_data.corpora.nmfs_csl import read_variants
from masa_data.corpora.ranges import resolve_range
from masa_data.corpora.youtube import youtube_id
from masa_data.errors import DataError
from masa_data.tracks.box import resolve_box
from masa_data.video.facts import probe_source


def settled(row, mode="auto"):
    """Frames and pixels of a row's file as it is."""
    clip = row.clip
    facts = probe_source(clip.source)
    found = resolve_range(clip.declared, facts.fps, facts.frames, mode, clip.already_cut)
    crop = resolve_box(clip.box, facts.width, facts.height)
    return (found.start, found.end, found.case), (crop.x0, crop.y0, crop.x1, crop.y1)


def report_on(listing, mode="auto"):
    report = CorpusReport(listing)
    for checked in check_rows(listing.rows, mode):
        report.add(checked)
    report.finish()
    return report


def test_wlasl_cut_clips_recordings_and_frame_folders(tmp_path, render):
    watch = "https://www.youtube.com/watch?v=abcdefghi-1"
    rows = [
        {
            "gloss": "book",
            "instances": [
                instance("00001"),
                instance("00002", "val", 11, 40, url=watch),
                instance("00003", "test", 101, 130),
            ],
        },
        {
            "gloss": "drink",
            "instances": [
                instance("00004", first=51, last=80, signer=9),
                instance("00005", first=3, last=12),
            ],
        },
    ]
    dump(tmp_path / "WLASL_v0.3.json", rows)
    render(tmp_path / "videos/00001.mp4", 20)
    render(tmp_path / "raw_videos/abcdefghi-1.mkv", 60, fps=30)  # frames 11 to 40 at 25 fps
    render(tmp_path / "videos/00003.avi", 29)  # cut already
    render(tmp_path / "raw_videos/00004.mp4", 70)  # ends before the range does
    render(tmp_path / "frames/00005", 40)
    render(tmp_path / "videos/99999.mp4", 5)
    listing = list_corpus("wlasl", tmp_path)
    assert [
        (row.clip.id, row.clip.gloss, row.clip.label, row.clip.split, row.clip.signer) for row in listing.rows
    ] == [
        ("00001", "book", 0, "train", "7"),
        ("00002", "book", 0, "val", "7"),
        ("00003", "book", 0, "test", "7"),
        ("00004", "drink", 1, "train", "9"),
        ("00005", "drink", 1, "train", "7"),
    ]
    assert [settled(row) for row in listing.rows] == [
        ((0, 20, "whole"), (8, 4, 40, 44)),
        ((12, 48, "raw"), (8, 4, 40, 44)),
        ((0, 29, "cut"), (8, 4, 40, 44)),
        ((50, 70, "clamped"), (8, 4, 40, 44)),
        ((2, 12, "raw"), (8, 4, 40, 44)),
    ]
    assert settled(listing.rows[1], "cut")[0] == (0, 60, "cut")
    assert settled(listing.rows[2], "raw")[0] == (29, 29, "empty")
    (warning,) = listing.to_listing().problems
    assert warning.kind == "warning"
    assert "1 videos or folders of frames are not named by any list" in warning.reason
    assert "99999.mp4" in warning.reason
    assert report_on(listing).ranges == {"whole": 1, "raw": 2, "cut": 1, "clamped": 1}


def test_wlasl_takes_the_cut_clip_where_the_source_video_lies_beside_it(tmp_path, render):
    dump(tmp_path / "WLASL_v0.3.json", [{"gloss": "book", "instances": [instance("00001")]}])
    render(tmp_path / "raw_videos/00001.mp4", 50)
    cut = render(tmp_path / "videos/00001.mp4", 20)
    listing = list_corpus("wlasl", tmp_path)
    assert listing.rows[0].clip.source == cut
    assert "have the name of another video" in listing.problems[0].reason


def test_wlasl_nslt_alone_takes_its_glosses_from_the_list_of_classes(tmp_path, render):
    dump(tmp_path / "nslt_100.json", {"00001": {"subset": "train", "action": [1, 1, 18]}})
    (tmp_path / "wlasl_class_list.txt").write_text("0\tbook\n1\tdrink\n")
    render(tmp_path / "videos/00001.mp4", 20)
    (row,) = list_corpus("wlasl", tmp_path).rows
    assert (row.clip.label, row.clip.gloss, row.clip.signer) == (1, "drink", "")
    assert settled(row)[0] == (0, 20, "cut")


def test_masa_lists_of_wlasl(tmp_path, render):
    lists = tmp_path / "traintestlist/WLASL100"
    lists.mkdir(parents=True)
    (lists / "trainlist01.txt").write_bytes(b"\xef\xbb\xbf00001.mp4 0\r\n\r\n00002 1\r\n")
    (lists / "vallist01.txt").write_text("00003 1\n")
    (lists / "testlist01.txt").write_text("00004.mp4 0\n")
    dump(tmp_path / "WLASL_v0.3.json", [{"gloss": "book", "instances": [instance("00001", "val")]}])
    for name in ("00001", "00003"):
        render(tmp_path / f"videos/{name}.mp4", 9)
    listing = list_corpus("wlasl", tmp_path, lists)
    assert [
        (row.clip.id, row.clip.label, row.clip.split, row.clip.gloss, row.found) for row in listing.rows
    ] == [
        ("00001", 0, "train", "book", True),
        ("00002", 1, "train", "", False),
        ("00003", 1, "val", "", True),
        ("00004", 0, "test", "book", False),
    ]
    said = "\n".join(problem.reason for problem in listing.problems)
    assert "3 clips that WLASL_v0.3.json lacks" in said
    assert "1 clips in another split than in WLASL_v0.3.json: 00001" in said


def test_msasl_whole_videos_and_clips_named_by_row(tmp_path, render):
    dump(
        tmp_path / "MS-ASL/MSASL_train.json",
        [
            sample("https://www.youtube.com/watch?v=abcdefghi-1", 5, 1.0, 2.0, "hello"),
            sample("www.youtube.com/watch?v=abcdefghi-1&t=170s", 6, 0.5, 1.5, review=1),
            sample("https://www.youtube.com/watch?v=_missing_22", 6, 0.5, 1.5),
            sample("https://www.youtube.com/watch?v=_missing_33", 6, 1.1, 2.0),
        ],
    )
    dump(tmp_path / "MS-ASL/MSASL_val.json", [sample("https://youtu.be/_missing_44", 100, 0, 1)])
    dump(tmp_path / "MS-ASL/MSASL_test.json", [sample("https://youtu.be/_missing_55", 999, 7, 8)])
    render(tmp_path / "videos/abcdefghi-1.mp4", 60, fps=25)
    render(tmp_path / "clips/train/00003.mp4", 34, fps=30)  # longer than the range, but named by its row
    render(tmp_path / "clips/val/0.avi", 30, fps=30, size=(64, 96))  # cropped already: half as wide
    render(tmp_path / "clips/test_00000", 25)
    listing = list_corpus("msasl", tmp_path)
    assert [(row.clip.id, row.clip.label, row.clip.split, row.found) for row in listing.rows] == [
        ("train/00000", 5, "train", True),
        ("train/00001", 6, "train", True),
        ("train/00002", 6, "train", False),
        ("train/00003", 6, "train", True),
        ("val/00000", 100, "val", True),
        ("test/00000", 999, "test", True),
    ]
    assert [settled(row) for row in listing.rows if row.found] == [
        ((25, 50, "raw"), (16, 0, 48, 48)),
        ((13, 38, "raw"), (16, 0, 48, 48)),
        ((0, 34, "cut"), (16, 0, 48, 48)),
        ((0, 30, "cut"), (0, 0, 64, 96)),
        ((0, 25, "cut"), (16, 0, 48, 48)),
    ]
    assert settled(listing.rows[3], "raw")[0] == (33, 34, "clamped")
    assert (listing.to_listing().missing, listing.to_listing().problems) == (1, [])
    (missing,) = (row for row in listing.rows if not row.found)
    assert (missing.clip.id, missing.url) == ("train/00002", "https://www.youtube.com/watch?v=_missing_22")
    report = report_on(listing)
    counts = {(row["subset"], row["split"]): row["annotated"] for row in report.table()}
    assert counts["all", "train"] == 4
    assert counts["msasl1000", "test"] == 1
    assert ("msasl100", "val") not in counts
    assert report.mixed_signers == {"3": {"train": 4, "val": 1, "test": 1}}
    assert report.untrained == [100, 999]


def test_nmfs_csl(tmp_path, render):
    for clip, frames in (("0/P01_1", 9), ("0/P02_1", 10), ("610/P01_2", 11)):
        render(tmp_path / "jpg_video" / clip, frames)
    (tmp_path / "trainlist01.txt").write_text("0/P01_1 0\n610/P01_2 610\n")
    (tmp_path / "testlist01.txt").write_text("0/P02_1\n0/P03_1\n")
    listing = list_corpus("nmfs-csl", tmp_path)
    assert [(row.clip.id, row.clip.label, row.clip.split, row.found) for row in listing.rows] == [
        ("0/P01_1", 0, "train", True),
        ("610/P01_2", 610, "train", True),
        ("0/P02_1", 0, "test", True),
        ("0/P03_1", 0, "test", False),
    ]
    assert [settled(row)[0] for row in listing.rows[:3]] == [
        (0, 9, "whole"),
        (0, 11, "whole"),
        (0, 10, "whole"),
    ]
    assert math.isnan(probe_source(listing.rows[0].clip.source).fps)
    counts = {(row["subset"], row["split"]): row["annotated"] for row in report_on(listing).table()}
    assert counts["confusing", "train"] == counts["normal", "train"] == 1
    assert listing.ignored == {".txt": 2}  # no image was looked at


def test_the_roots_own_name_is_no_label_and_links_and_odd_names_do_no_harm(tmp_path, render):
    root = tmp_path / "2020"
    folder = render(root / "jpg_video/12/clip", 9)
    (root / "trainlist01.txt").write_text("12/clip\n12/gone\n")
    (root / "loop").symlink_to(root)
    (root / "jpg_video/12/gone.mp4").symlink_to(root / "nowhere")
    (root / os.fsdecode(b"\xff.mp4")).touch()
    listing = list_corpus("nmfs-csl", root)
    assert [row.clip.source for row in listing.rows] == [folder, root / "jpg_video/12/gone.mp4"]
    assert [checked.state for checked in check_rows(listing.rows)] == ["found", "unreadable"]
    assert listing.ignored == {".txt": 1, "a name that is not UTF-8": 1}
    assert listing.problems == []


def test_a_file_can_say_which_labels_are_confusing(tmp_path):
    path = tmp_path / "variants.txt"
    path.write_text("0 normal\n1066\tConfusing\n")
    variants = read_variants(path)
    assert 0 in variants["normal"]
    assert 1066 in variants["confusing"]
    assert len(variants["confusing"]) == 610
    path.write_text("1067 normal\n")
    with pytest.raises(DataError, match=r"row 1: found '1067 normal', expected a label from 0 to 1066"):
        read_variants(path)


def test_slr500(tmp_path, render):
    render(tmp_path / "499/P36_25_19_4._color.avi", 9)
    render(tmp_path / "000/P37_01_00_0._color.mp4", 9)
    render(tmp_path / "001/P01_01_01_0._color", 9)
    render(tmp_path / "002/P01_01_03_0._color.mp4", 9)  # of label 3
    (tmp_path / "dictionary.txt").write_bytes("000000\t情况\r\n000499\t被套\r\n".encode("utf-8-sig"))
    listing = list_corpus("slr500", tmp_path)
    assert len(listing.rows) == 125_000
    found = {row.clip.id: row.clip for row in listing.rows if row.found}
    assert {name: (clip.label, clip.gloss, clip.split, clip.signer) for name, clip in found.items()} == {
        "000/P37_01_00_0": (0, "情况", "test", "P37"),
        "001/P01_01_01_0": (1, "", "train", "P01"),
        "499/P36_25_19_4": (499, "被套", "train", "P36"),
    }
    (problem,) = listing.problems
    assert "found label 3 in the name and 002 as the folder, expected the same" in problem.reason


def test_masa_lists_of_slr500(tmp_path, render):
    render(tmp_path / "color/000/P37_01_00_0._color.mp4", 9)
    lists = tmp_path / "lists"
    lists.mkdir()
    (lists / "trainlist01.txt").write_text("000/P37_01_00_0._color.mp4\n001/P01_01_01_0\n")
    listing = list_corpus("slr500", tmp_path, lists)
    assert [(row.clip.id, row.clip.split, row.found) for row in listing.rows] == [
        ("000/P37_01_00_0", "test", True),
        ("001/P01_01_01_0", "train", False),
    ]
    assert "1 rows are in another split than their signer's" in listing.problems[0].reason


def test_the_three_real_clips_of_wlasl(shared_data):
    listing = list_corpus("wlasl", shared_data / "video_wlasl3", shared_data / "annotations_wlasl")
    found = {row.clip.id: row.clip for row in listing.rows if row.found}
    assert {name: (clip.label, clip.gloss, clip.split, clip.signer) for name, clip in found.items()} == {
        "69241": (0, "book", "train", "118"),
        "07069": (0, "book", "train", "31"),
        "30173": (1144, "interesting", "test", "39"),
    }
    short = list_corpus(
        "wlasl", shared_data / "video_wlasl3", shared_data / "annotations_wlasl/nslt_100.json"
    )
    for row in short.rows:  # ranges at 25 fps of files of 24 and 30 fps
        if row.found:
            assert settled(row)[0][2] == "cut"


def test_a_real_row_of_wlasl_on_its_recording_at_another_rate(shared_data, tmp_path, render):
    render(tmp_path / "raw_videos/Qc7Dc_qF5NI.mkv", 100, fps=30, size=(360, 240))
    listing = list_corpus("wlasl", tmp_path, shared_data / "annotations_wlasl/WLASL_v0.3.json")
    (row,) = (row for row in listing.rows if row.clip.id == "45835")
    assert (row.clip.gloss, row.clip.label, row.clip.split, row.clip.signer) == ("rabbit", 123, "test", "9")
    assert settled(row) == ((28, 76, "raw"), (0, 0, 360, 240))  # frames 24 to 63 at 25 a second
    cut = render(tmp_path / "videos/45835.mp4", 40, size=(360, 240))
    listing = list_corpus("wlasl", tmp_path, shared_data / "annotations_wlasl/WLASL_v0.3.json")
    (row,) = (row for row in listing.rows if row.clip.id == "45835")
    assert row.clip.source == cut
    assert settled(row)[0] == (0, 40, "cut")


def test_real_rows_of_msasl_on_a_whole_video(shared_data, tmp_path, render):
    rows = json.loads((shared_data / "annotations_msasl/MSASL_train.json").read_text())
    video = youtube_id(rows[0]["url"])
    for name in ("MSASL_train.json", "MSASL_val.json", "MSASL_test.json", "MSASL_classes.json"):
        shutil.copy(shared_data / "annotations_msasl" / name, tmp_path)
    render(tmp_path / f"{video}.mp4", 120, fps=30, size=(64, 36))
    listing = list_corpus("msasl", tmp_path)
    clips = {row.clip.id: row for row in listing.rows if row.found}
    assert settled(clips["train/00000"]) == ((0, 83, "raw"), (13, 2, 47, 36))
    assert clips["train/00000"].clip.gloss == "match"


def test_the_check_names_what_cannot_be_used(tmp_path, render):
    rows = [instance(f"0000{number}", signer=number) for number in range(5)]
    rows.append(instance("00005", "test", 200, 230, url="https://youtu.be/abcdefghi-1"))
    dump(tmp_path / "WLASL_v0.3.json", [{"gloss": "book", "instances": rows}])
    first = render(tmp_path / "videos/00000.mp4", 12)
    shutil.copy(first, tmp_path / "videos/00001.mp4")
    (tmp_path / "videos/00002.mp4").write_text("not found")
    (tmp_path / "videos/00003.mp4").touch()
    render(tmp_path / "videos/abcdefghi-1.mp4", 50)
    listing = list_corpus("wlasl", tmp_path)
    checked = list(check_rows(listing.rows))
    assert [(item.state, item.reason) for item in checked] == [
        ("found", ""),
        ("found", ""),
        ("unreadable", "the file is text, not a video"),
        ("unreadable", "the file is empty (0 bytes)"),
        ("missing", "no video of this name was found"),
        ("out of range", "the range from frame 50 contains none of the file's 50 frames"),
    ]
    assert list(check_rows(listing.rows, workers=3)) == checked
    report = report_on(listing)
    assert report.duplicates == [(str(first), str(tmp_path / "videos/00001.mp4"))]
    assert report.untrained == []
    assert not report.is_fine
    (train,) = (row for row in report.table() if (row["subset"], row["split"]) == ("all", "train"))
    assert train == {
        "subset": "all",
        "split": "train",
        "annotated": 5,
        "found": 2,
        "missing": 1,
        "unreadable": 2,
        "out of range": 0,
    }
