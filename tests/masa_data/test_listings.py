import os
import unicodedata
from pathlib import Path

import pytest

from masa_data import DataError
from masa_data.corpora.csv_list import list_csv
from masa_data.corpora.folder import list_folder
from masa_data.corpora.inputs import list_inputs
from masa_data.video.facts import probe_source
from masa_data.video.images import numbered_images


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def facts(listing):
    return [(clip.id, clip.gloss, clip.split) for clip in listing.clips]


def test_subfolders_are_glosses_and_splits(tmp_path):
    touch(
        tmp_path,
        "loose.mp4",
        "book/1.mp4",
        "book/2.AVI",
        "train/train/3.mov",
        "Dev/book/4.webm",
        "book/notes.txt",
        ".cache/5.mp4",
    )
    listing = list_folder(tmp_path)
    assert facts(listing) == [
        ("Dev/book/4", "book", "val"),
        ("book/1", "book", ""),
        ("book/2", "book", ""),
        ("loose", "", ""),
        ("train/train/3", "train", "train"),
    ]
    assert listing.ignored == {".txt": 1}


def test_a_folder_of_numbered_images_is_one_clip(tmp_path):
    touch(tmp_path, "book/take1/image_00001.jpg", "book/take1/image_00002.jpg", "book/cover.jpg")
    assert facts(list_folder(tmp_path)) == [("book/take1", "book", "")]
    (itself,) = list_folder(tmp_path / "book/take1").clips
    assert itself.id == "take1"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (
            ["frame (2).jpg", "frame (10).jpg", "frame (1).jpg"],
            ["frame (1).jpg", "frame (2).jpg", "frame (10).jpg"],
        ),
        (["2.png", "10.png", "cover.png"], ["2.png", "10.png"]),
        (["color_1.jpg", "depth_1.png", "color_2.jpg", "depth_2.png"], ["color_1.jpg", "color_2.jpg"]),
        (["RGB-1.bmp", "RGB-2.bmp", "IR-1.bmp", "left-1.bmp"], ["RGB-1.bmp", "RGB-2.bmp"]),
        (["image_1.jpg", "image_2.jpg", "image_depth_1.jpg"], ["image_1.jpg", "image_2.jpg"]),
        (["depth_1.png", "depth_2.png"], ["depth_1.png", "depth_2.png"]),  # all there is
        (["infrared2.jpg", "grid_1.jpg"], ["grid_1.jpg"]),
    ],
)
def test_images_of_one_kind_are_a_clip_in_the_order_of_their_numbers(tmp_path, names, expected):
    touch(tmp_path, *(f"take/{name}" for name in names))
    assert [path.name for path in numbered_images(tmp_path / "take")] == expected
    listing = list_folder(tmp_path)
    assert facts(listing) == [("take", "", "")]
    assert listing.ignored.total() == len(names) - len(expected)


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["left_1.jpg", "right_1.jpg"], "images of 2 kinds in one folder"),
        (["frame_1.jpg", "frame_1.png", "frame_2.jpg", "frame_2.png"], "images of 2 kinds in one folder"),
        (["color_1.jpg", "rgb_1.jpg", "depth_1.jpg"], "images of 3 kinds in one folder"),
        (["image_1.jpg", "image_01.jpg"], "'image_01.jpg' and 'image_1.jpg' have the same number"),
    ],
)
def test_images_of_which_names_do_not_tell_are_refused_in_one_line(tmp_path, names, reason):
    touch(tmp_path, *(f"take/{name}" for name in names))
    with pytest.raises(DataError, match=reason):
        numbered_images(tmp_path / "take")
    assert facts(list_folder(tmp_path)) == [("take", "", "")]  # the clip fails when it is looked at
    with pytest.raises(DataError, match=reason):
        probe_source(tmp_path / "take")


def test_every_ending_passed_over_is_counted(tmp_path):
    touch(tmp_path, "a.mp4", "b.ts", *(f"{number}.{ending}" for number, ending in enumerate("abcdefgh")))
    listing = list_folder(tmp_path)
    assert [clip.id for clip in listing.clips] == ["a", "b"]
    assert set(listing.ignored) == {f".{ending}" for ending in "abcdefgh"}


def test_a_symlink_loop_is_walked_once(tmp_path):
    touch(tmp_path, "a/1.mp4")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "a" / "self").symlink_to(tmp_path / "a")
    assert facts(list_folder(tmp_path)) == [("a/1", "a", "")]


def test_two_inputs_with_one_id_are_a_problem_that_names_both(tmp_path):
    touch(tmp_path, "x/1.mp4", "y/1.mp4", "y/2.mp4", "y/2.gif")
    listing = list_inputs([str(tmp_path / "x"), str(tmp_path / "y")])
    assert [clip.id for clip in listing.clips] == ["1", "2"]
    reasons = [problem.reason for problem in listing.problems]
    assert reasons == [
        f"{tmp_path}/y/1.mp4 and {tmp_path}/x/1.mp4 give the same clip id '1'",
        f"{tmp_path}/y/2.mp4 and {tmp_path}/y/2.gif give the same clip id '2'",
    ]


def test_patterns_files_and_what_is_not_there(tmp_path):
    touch(tmp_path, "a/1.mp4", "a/2.mp4", "b [1].mp4")
    listing = list_inputs([str(tmp_path / "a/*.mp4"), str(tmp_path / "b [1].mp4"), str(tmp_path / "c.mp4")])
    assert [clip.id for clip in listing.clips] == ["1", "2", "b [1]"]
    assert [problem.reason for problem in listing.problems] == [f"{tmp_path}/c.mp4 does not exist"]


def test_a_folder_without_videos_is_a_problem(tmp_path):
    touch(tmp_path, "notes.txt")
    assert "no video" in list_folder(tmp_path).problems[0].reason


def test_a_name_that_is_not_utf8_is_a_problem(tmp_path):
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.mp4"))).touch()
    touch(tmp_path, "1.mp4")
    listing = list_folder(tmp_path)
    assert [clip.id for clip in listing.clips] == ["1"]
    assert listing.problems[0].reason == "the file's name is not valid UTF-8"


@pytest.fixture
def csv(tmp_path):
    touch(tmp_path, "v/1.mp4", "v/2.mp4", "v/3.mp4")

    def write(text: str, encoding: str = "utf-8") -> Path:
        (tmp_path / "list.csv").write_bytes(text.encode(encoding))
        return tmp_path / "list.csv"

    return write


def test_a_csv_gives_labels_splits_signers_and_ranges(csv, tmp_path):
    listing = list_csv(
        csv(
            "path,label,split,signer,start,end\nv/1.mp4,4,train,Ann,,\nv/2.mp4,,test,,5,20\nv/2.mp4,0,,,20,\n"
        )
    )
    first, second, third = listing.clips
    assert (first.id, first.label, first.split, first.signer) == ("v/1", 4, "train", "Ann")
    assert first.source == tmp_path / "v/1.mp4"
    assert (second.id, second.label, second.start, second.end) == ("v/2@5-20", -1, 5, 20)
    assert (third.id, third.start, third.end) == ("v/2@20-", 20, None)


def test_text_labels_are_glosses(csv):
    listing = list_csv(csv("path,label\nv/1.mp4,book\nv/2.mp4,7\n"))
    assert [(clip.gloss, clip.label) for clip in listing.clips] == [("book", -1), ("7", -1)]


def test_a_byte_order_mark_and_windows_line_ends_are_read(csv):
    listing = list_csv(csv("Path, Label\r\nv/1.mp4, 3\r\n", "utf-8-sig"))
    assert [(clip.id, clip.label) for clip in listing.clips] == [("v/1", 3)]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("v/9.mp4,,,,", "v/9.mp4 does not exist"),
        ("../secret.mp4,,,,", "expected a path below the CSV's folder"),
        ("/etc/passwd,,,,", "expected a path below the CSV's folder"),
        (",,,,", "expected a path below"),
        ("v/2.mp4,0,holdout,,", "found the split 'holdout', expected train, val or test"),
        ("v/2.mp4,0,,-3,", "found start '-3', expected a frame number from 0"),
        ("v/2.mp4,0,,9,9", "found frames 9 to 9, expected start < end"),
    ],
)
def test_a_wrong_row_is_named_and_the_others_are_kept(csv, row, message):
    path = csv(f"path,label,split,start,end\nv/1.mp4,,,,\n{row}\nv/3.mp4,,,,\n")
    listing = list_csv(path)
    assert [clip.id for clip in listing.clips] == ["v/1", "v/3"]
    (problem,) = listing.problems
    assert problem.reason.startswith(f"{path}:3: ")
    assert message in problem.reason


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,label\nv/1.mp4,1\n", ":1: found the columns file, label, expected path"),
        ("", ":1: found the columns none"),
        ("path,label\nv/1.mp4,1,2\n", ":2: found 3 values, but the first line names 2 columns"),
        ('path,label\n"v/1.mp4,1\n', "found no valid CSV"),
    ],
)
def test_a_wrong_csv_is_refused_and_other_inputs_go_on(csv, tmp_path, text, message):
    path = csv(text)
    with pytest.raises(DataError, match=r"list\.csv") as caught:
        list_csv(path)
    assert message in caught.value.reason
    listing = list_inputs([str(path), str(tmp_path / "v")])
    assert len(listing.clips) == 3
    assert len(listing.problems) == 1


def test_latin_1_is_refused(csv):
    with pytest.raises(DataError, match="line 2: found bytes that are not UTF-8"):
        list_csv(csv("path,label\nv/1.mp4,Grüße\n", "latin-1"))


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (["0.0", "2.0", "10.0"], [("", 0), ("", 2), ("", 10)]),  # as pandas writes a column with gaps
        (["0.0", "", "10.0"], [("", 0), ("", -1), ("", 10)]),
        (["1", "2.00", "nan"], [("", 1), ("", 2), ("", -1)]),
        (["-1", "3", "<NA>"], [("", -1), ("", 3), ("", -1)]),
        (["10.0", "2.0", "book"], [("10", -1), ("2", -1), ("book", -1)]),
        (["1.5", "2.0", "3"], [("1.5", -1), ("2", -1), ("3", -1)]),
        (["none", "", "yes"], [("none", -1), ("", -1), ("yes", -1)]),
        (["none", "", "none"], [("none", -1), ("", -1), ("none", -1)]),
    ],
)
def test_labels_as_tables_have_them(csv, column, expected):
    rows = "".join(f"v/{number}.mp4,{text}\n" for number, text in enumerate(column, 1))
    assert [(clip.gloss, clip.label) for clip in list_csv(csv(f"path,label\n{rows}")).clips] == expected


def test_frames_and_signers_as_tables_have_them(csv):
    text = "path,signer,start,end\nv/1.mp4,1.0,5.0,20.0\nv/2.mp4,2.0,,\nv/3.mp4,,,\n"
    first, second, third = list_csv(csv(text)).clips
    assert (first.id, first.start, first.end, first.signer) == ("v/1@5-20", 5, 20, "1")
    assert (second.signer, third.signer) == ("2", "")
    named = list_csv(csv("path,signer\nv/1.mp4,1.0\nv/2.mp4,Ann\n")).clips
    assert [clip.signer for clip in named] == ["1.0", "Ann"]


@pytest.mark.parametrize("label", ["-7", "99999999999", "-3.0"])
def test_a_number_that_no_class_has_costs_its_row(csv, label):
    listing = list_csv(csv(f"path,label\nv/1.mp4,1\nv/2.mp4,{label}\n"))
    assert [clip.id for clip in listing.clips] == ["v/1"]
    assert "expected a number from 0" in listing.problems[0].reason


def test_a_mac_s_names_are_the_same_glosses_and_their_paths_stay(tmp_path, csv):
    forms = [unicodedata.normalize(form, "café") for form in ("NFC", "NFD")]
    touch(tmp_path, *(f"videos/{form}/{number}.mp4" for number, form in enumerate(forms)))
    clips = list_folder(tmp_path / "videos").clips
    assert [clip.gloss for clip in clips] == [forms[0]] * 2
    assert all(clip.source.exists() for clip in clips)
    listing = list_csv(
        csv(f"path,label,signer\nv/1.mp4,{forms[0]},{forms[1]}\nv/2.mp4,{forms[1]},{forms[0]}\n")
    )
    assert [(clip.gloss, clip.signer) for clip in listing.clips] == [(forms[0], forms[0])] * 2


def test_a_real_table_of_pandas(shared_data):
    listing = list_csv(shared_data / "hard_inputs/11-pandas-csv/pandas.csv")
    assert [clip.label for clip in listing.clips] == [0, 1, 2, 10, -1]
    assert [clip.signer for clip in listing.clips] == ["1", "2", "2", "1", ""]
