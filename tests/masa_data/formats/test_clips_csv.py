"""Labels that an export wrote beside keypoints, and lists that are damaged or somebody else's."""

import pytest

from masa_data.formats.export import export
from masa_data.formats.inputs import list_keypoint_files
from masa_data.formats.openpose_json import list_openpose, openpose_frames
from tests.conftest import make_track

TRACKS = [
    make_track("1", corpus="wlasl", gloss='say "a, b"\nand c', label=7, split="val", signer="Änn"),
    make_track("deep/er/2", corpus="wlasl"),
]


def listed(folder, to):
    if to == "openpose":
        return list_openpose(openpose_frames(), [str(folder)], "folder")
    return list_keypoint_files([str(folder)], f".{to}", "folder")


def known(info):
    return info.corpus, info.gloss, info.label, info.split, info.signer


@pytest.mark.parametrize("to", ["pose", "openpose"])
def test_labels_come_back(write, tmp_path, to):
    export(write(*TRACKS), to, tmp_path / "out")
    listing = listed(tmp_path / "out", to)
    assert listing.problems == []
    assert {clip.id: known(clip) for clip in listing.clips} == {
        track.info.id: known(track.info) for track in TRACKS
    }


@pytest.mark.parametrize("to", ["pose", "openpose"])
def test_without_the_list_and_with_somebody_elses_folders_say_it(write, tmp_path, to):
    export(write(*TRACKS), to, tmp_path / "out")
    (tmp_path / "out/clips.csv").write_text("path,label\n1,hello\n")
    for _ in range(2):
        assert [known(clip) for clip in listed(tmp_path / "out", to).clips] == [
            ("folder", "", -1, "", ""),
            ("folder", "er", -1, "", ""),
        ]
        (tmp_path / "out/clips.csv").unlink(missing_ok=True)


def test_a_list_without_end_is_not_read(write, tmp_path):
    export(write(*TRACKS), "pose", tmp_path / "out")
    with (tmp_path / "out/clips.csv").open("ab") as file:
        file.truncate(1 << 40)
    (problem,) = listed(tmp_path / "out", "pose").problems
    assert "expected at most 268,435,456" in problem.reason


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (",7,val,", ",seven,val,", "found the label 'seven'"),
        (",7,val,", ",-5,val,", "found the label '-5'"),
        (",7,val,", f",{'9' * 5000},val,", "found the label '999"),
        (",7,val,", ",7,sometimes,", "the split 'sometimes'"),
        ('"say', '"say" and', "found no valid CSV"),
        ("say", "\ud800", "not UTF-8"),
    ],
)
def test_a_damaged_list_is_told_in_one_line(write, tmp_path, old, new, expected):
    export(write(*TRACKS), "pose", tmp_path / "out")
    path = tmp_path / "out/clips.csv"
    path.write_bytes(path.read_text(encoding="utf-8").replace(old, new).encode("utf-8", "surrogatepass"))
    (problem,) = listed(tmp_path / "out", "pose").problems
    assert expected in problem.reason
    assert "\n" not in problem.reason
