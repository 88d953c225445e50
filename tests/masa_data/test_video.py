import math
import struct
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from masa_data import DataError
from masa_data.tracks.provenance import Sampling
from masa_data.video.frames import Video, source_sha256


def write_video(path, frames=10, width=64, height=48, fourcc="mp4v", fps=25.0):
    """Frames whose brightness is 20 times their number."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*fourcc), fps, (width, height))
    for number in range(frames):
        writer.write(np.full((height, width, 3), 20 * number % 256, np.uint8))
    writer.release()
    return path


def write_variable_rate(path, ticks):
    """An mp4 whose frames are shown at these multiples of 1/1000 s."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for tick in ticks:
            frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
            frame.pts, frame.time_base = tick, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.fixture
def numbered_folder(tmp_path):
    for number in (1, 2, 9, 10, 100):
        cv2.imwrite(str(tmp_path / f"image_{number}.png"), np.full((6, 5, 3), number, np.uint8))
    (tmp_path / "thumbnail.png").write_bytes(b"no number in its name")
    return tmp_path


def test_every_real_clip_has_the_frames_and_times_that_another_decoder_finds(shared_videos):
    assert len(shared_videos) == 19
    for path in shared_videos:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            times = np.array([float(frame.pts * stream.time_base) for frame in container.decode(stream)])
        frames = [(frame.index, frame.time) for frame in Video(path)]
        assert [index for index, _ in frames] == list(range(len(times))), path
        np.testing.assert_allclose([time for _, time in frames], times - times[0], atol=1e-3)


@pytest.mark.parametrize(
    ("name", "fourcc"),
    [("a.mp4", "mp4v"), ("a.avi", "MJPG"), ("a.mov", "mp4v"), ("a.mkv", "mp4v"), ("a.webm", "VP80")],
)
def test_containers(tmp_path, name, fourcc):
    frames = list(Video(write_video(tmp_path / name, fourcc=fourcc)))
    assert [round(frame.image.mean() / 20) for frame in frames] == list(range(10))


def test_odd_sizes_and_spaces_and_newlines_in_names(tmp_path):
    path = tmp_path / "ein\nseltsamer näme%03d.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 37, 53, "bgr0"
        container.mux(stream.encode(av.VideoFrame(37, 53, "bgr0")))
        container.mux(stream.encode())
    assert [frame.image.shape for frame in Video(path)] == [(53, 37, 3)]


def test_a_gif_is_decoded(shared_videos):
    path = next(path for path in shared_videos if path.name == "address.gif")
    frames = list(Video(path))
    assert len(frames) == 20
    assert frames[1].time == pytest.approx(0.1)


def test_rotation_is_honored(tmp_path):
    path = write_video(tmp_path / "a.mp4")
    content = bytearray(path.read_bytes())
    matrix = content.index(b"tkhd") + 4 + 40
    content[matrix : matrix + 36] = struct.pack(">9i", 0, 0x10000, 0, -0x10000, 0, 0, 48 << 16, 0, 0x40000000)
    path.write_bytes(content)
    assert next(iter(Video(path))).image.shape == (64, 48, 3)


def test_variable_frame_rate_keeps_its_timestamps(tmp_path):
    ticks = [0, 40, 45, 145, 146, 400]
    path = write_variable_rate(tmp_path / "a.mp4", ticks)
    np.testing.assert_allclose([frame.time for frame in Video(path)], np.array(ticks) / 1000, atol=5e-4)


def test_max_fps_keeps_frames_by_the_clock(tmp_path):
    regular = write_video(tmp_path / "a.mp4", frames=50, fps=50)
    kept = [frame.index for frame in Video(regular, sampling=Sampling(max_fps=25))]
    assert kept == list(range(0, 50, 2))
    kept = [frame.index for frame in Video(regular, sampling=Sampling(max_fps=30))]
    assert len(kept) == 30
    burst = write_variable_rate(tmp_path / "b.mp4", [0, 5, 10, 15, 500, 505, 1000])
    assert [frame.index for frame in Video(burst, sampling=Sampling(max_fps=10))] == [0, 4, 6]


def test_every_counts_from_the_start_of_the_range(tmp_path):
    path = write_video(tmp_path / "a.mp4")
    video = Video(path, start=1, end=8, sampling=Sampling(every=3))
    assert [frame.index for frame in video] == [1, 4, 7]
    assert video.end_found == 8
    assert video.warnings == []


def test_a_range_past_the_end_is_said(tmp_path):
    path = write_video(tmp_path / "a.mp4")
    video = Video(path, start=8, end=20)
    assert [frame.index for frame in video] == [8, 9]
    assert video.warnings == ["the range ends at frame 20, but the source at 10"]
    with pytest.raises(DataError, match="10 frames, none in the range from 30"):
        list(Video(path, start=30, end=40))


def test_a_folder_of_images_is_read_in_the_order_of_its_numbers(numbered_folder):
    frames = list(Video(numbered_folder))
    assert [int(frame.image[0, 0, 0]) for frame in frames] == [1, 2, 9, 10, 100]
    assert [frame.index for frame in frames] == [0, 1, 2, 3, 4]
    assert all(math.isnan(frame.time) for frame in frames)


def test_a_corrupt_image_is_left_out_and_said(numbered_folder):
    (numbered_folder / "image_9.png").write_bytes(b"broken")
    video = Video(numbered_folder)
    assert [frame.index for frame in video] == [0, 1, 3, 4]
    assert video.warnings == ["image_9.png cannot be decoded and was left out"]


def test_images_of_different_sizes_are_refused(numbered_folder):
    cv2.imwrite(str(numbered_folder / "image_9.png"), np.zeros((7, 5, 3), np.uint8))
    with pytest.raises(DataError, match="frame 2 is 5×7, but the first frame is 5×6"):
        list(Video(numbered_folder))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.mp4", b"", "empty"),
        ("text.mp4", b"hello world", "text, not a video"),
        ("playlist.mp4", b"#EXTM3U\n#EXTINF:5,\nother.mp4\n#EXT-X-ENDLIST\n", "text, not a video"),
        ("concat.mp4", b"ffconcat version 1.0\nfile 'other.mp4'\n", "text, not a video"),
        ("noise.mp4", bytes(range(256)) * 40, "no video in it that can be decoded"),
    ],
)
def test_what_is_no_video_is_refused(tmp_path, name, content, message):
    write_video(tmp_path / "other.mp4")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        list(Video(tmp_path / name))


def test_a_video_without_frames_is_refused(tmp_path):
    with pytest.raises(DataError, match="no video in it"):
        list(Video(write_video(tmp_path / "a.mp4", frames=0)))


def test_a_truncated_video_is_refused(shared_videos, tmp_path):
    content = next(path for path in shared_videos if path.name == "FOOTBALL.mp4").read_bytes()
    (tmp_path / "half.mp4").write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"only [\d,]+ of [\d,]+ bytes exist: the file is truncated"):
        list(Video(tmp_path / "half.mp4"))


def test_the_hash_covers_names_and_bytes(numbered_folder, tmp_path):
    before = source_sha256(numbered_folder)
    (numbered_folder / "image_9.png").rename(numbered_folder / "image_8.png")
    assert source_sha256(numbered_folder) != before
    (tmp_path / "a").write_bytes(b"abc")
    assert source_sha256(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
