"""Files that were cut off or damaged: said, and refused where too little is left."""

import random

import pytest

from masa_data import DataError
from masa_data.video.facts import probe_source
from masa_data.video.frames import Video
from tests.made_videos import moving, write, write_as

FIRST_THE_INDEX = {"movflags": "faststart"}


def cut(path, share):
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


@pytest.mark.parametrize(
    "ending", [".mp4", ".mov", ".mkv", ".webm", ".avi", ".asf", ".wmv", ".swf", ".flv", ".mxf"]
)
def test_half_a_file_is_refused(tmp_path, ending):
    path = cut(write_as(tmp_path / f"a{ending}"), 0.5)
    with pytest.raises(DataError, match=r"^only .* exist: the file is truncated"):
        list(Video(path))


def test_half_an_mp4_that_begins_with_its_index_is_refused_and_counted_as_far_as_it_goes(tmp_path):
    path = write_as(tmp_path / "a.mp4", container_options=FIRST_THE_INDEX)
    assert probe_source(path).frames == 30
    cut(path, 0.6)
    with pytest.raises(DataError, match=r"only [\d,]+ of [\d,]+ bytes exist: the file is truncated"):
        list(Video(path))
    facts = probe_source(path)
    assert 5 < facts.frames < 25
    assert "the file is truncated" in facts.fault
    assert len(list(Video(path, end=5))) == 5  # what is there is good for the clips in it


@pytest.mark.parametrize("ending", [".mp4", ".mkv", ".avi", ".wmv"])
def test_a_file_that_lacks_little_is_kept_with_a_warning(tmp_path, ending):
    options = {"container_options": FIRST_THE_INDEX} if ending == ".mp4" else {}
    path = cut(write_as(tmp_path / f"a{ending}", **options), 0.96)
    video = Video(path)
    assert 25 <= len(list(video)) <= 30
    assert any("bytes exist: the file is truncated" in warning for warning in video.warnings)
    assert probe_source(path).fault == ""


@pytest.mark.parametrize("ending", [".mpg", ".vob", ".mpeg"])
def test_streams_that_do_not_say_how_large_they_are_are_kept_with_a_warning(tmp_path, ending):
    path = cut(write_as(tmp_path / f"a{ending}"), 0.5)
    video = Video(path)
    assert 5 < len(list(video)) < 25
    assert video.warnings == ["the last frame is damaged: the file may be truncated"]


@pytest.mark.parametrize("ending", [".mp4", ".3gp", ".mov"])
def test_a_damaged_frame_is_left_out_and_counted(tmp_path, ending):
    path = write_as(tmp_path / f"a{ending}")
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 300] = random.Random(1).randbytes(300)
    path.write_bytes(content)
    video = Video(path)
    assert 27 <= len(list(video)) <= 30
    assert video.is_damaged
    assert any("the decoder found damaged data" in warning for warning in video.warnings)


@pytest.mark.parametrize("ending", [".mkv", ".webm"])
def test_damage_behind_which_the_rest_cannot_be_found_is_as_bad_as_a_cut(tmp_path, ending):
    path = write_as(tmp_path / f"a{ending}")
    content = bytearray(path.read_bytes())
    middle = len(content) // 3
    content[middle:-500] = random.Random(1).randbytes(len(content) - 500 - middle)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"the file is truncated or damaged|frames cannot be decoded"):
        list(Video(path))


def test_a_file_of_which_most_frames_cannot_be_decoded_is_refused(tmp_path):
    path = write(tmp_path / "a.mp4", "mp4", "libx264", moving(30), codec_options={"g": "1"})
    content = bytearray(path.read_bytes())
    start = content.index(b"mdat") + 2000
    content[start : start + len(content) // 2] = random.Random(1).randbytes(len(content) // 2)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"\d+ of 30 frames cannot be decoded: the file is damaged"):
        list(Video(path))


@pytest.mark.parametrize("ending", [".mp4", ".mkv", ".avi", ".wmv", ".swf", ".ts"])
def test_whatever_is_done_to_its_bytes_a_file_gives_frames_or_one_line(tmp_path, ending):
    whole = write_as(tmp_path / f"whole{ending}", frames=8).read_bytes()
    path = tmp_path / f"a{ending}"
    rng = random.Random(2)
    for _ in range(12):
        content = bytearray(whole)
        for _ in range(rng.choice([1, 5, 40])):
            content[rng.randrange(len(content))] = rng.randrange(256)
        path.write_bytes(content[: rng.choice([len(content), rng.randrange(len(content))])])
        for look in (lambda: list(Video(path)), lambda: probe_source(path)):
            try:
                look()
            except DataError as error:
                assert "\n" not in str(error)  # noqa: PT017  (many files give frames)
