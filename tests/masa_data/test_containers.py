"""Frames and times out of every container that people hold, against PyAV's plain loop as the oracle."""

import math
from fractions import Fraction

import av
import numpy as np
import pytest

from masa_data import DataError
from masa_data.video.clock import FrameClock
from masa_data.video.endings import VIDEO_ENDINGS
from masa_data.video.facts import probe_source
from masa_data.video.frames import Video
from tests.made_videos import CONTAINERS, frames_and_times, moving, write, write_as


def check(path, expected=None):
    video = Video(path)
    times, shape = [], ()
    for frame in video:
        times.append(frame.time)
        shape = frame.image.shape
    expected = frames_and_times(path) if expected is None else expected
    assert len(times) == len(expected), path
    np.testing.assert_allclose(times, expected, atol=1e-3)
    assert times[0] == 0
    assert (np.diff(times) > 0).all()
    assert video.warnings == []
    facts = probe_source(path)
    assert facts.frames == len(times)
    assert (facts.width, facts.height) == (shape[1], shape[0])
    return times


@pytest.mark.parametrize("ending", CONTAINERS)
def test_every_container_gives_another_decoders_frames_and_times(tmp_path, ending):
    times = check(write_as(tmp_path / f"a{ending}"))
    np.testing.assert_allclose(times, np.arange(30) / 25, atol=1e-3)


def test_every_ending_taken_for_a_video_has_a_container_here():
    assert VIDEO_ENDINGS - set(CONTAINERS) == {".3g2"}  # 3gp's twin


@pytest.mark.parametrize(
    ("name", "like"), [("a.mp4", ".ts"), ("a.avi", ".mkv"), ("a.mov", ".wmv"), ("a.ts", ".mp4")]
)
def test_content_goes_before_the_ending(tmp_path, name, like):
    write_as(tmp_path / f"b{like}").rename(tmp_path / name)
    assert len(check(tmp_path / name)) == 30


def test_the_odd_files_at_hand(shared_data):
    frames = {
        "hard_inputs/01-edit-list/trim_copy.mp4": 20,
        "hard_inputs/01-edit-list/wlasl/videos/00001.mp4": 44,
        "hard_inputs/01-edit-list/wlasl/videos/00002.mp4": 43,
        "hard_inputs/02-vfr-mkv/late.mkv": 62,
        "hard_inputs/02-vfr-mkv/audio_longer.mkv": 62,
        "hard_inputs/02-vfr-mkv/vfr.mkv": 19,
        "hard_inputs/04-ts-in-mp4/hls.mp4": 62,
        "hard_inputs/04-ts-in-mp4/clip_mpg.mpg": 20,
        "hard_inputs/04-ts-in-mp4/clip_wmv.wmv": 20,
        "hard_inputs/04-ts-in-mp4/clip_ogv.ogv": 19,  # and an empty packet, which says "as before"
        "video_hard/broadcast.ts": 41,
        "video_hard/late_start.mkv": 41,
        "video_hard/old.wmv": 41,
        "video_hard/anamorphic.mp4": 41,
        "video_hard/nobody.mp4": 25,
    }
    for name, count in frames.items():
        assert len(check(shared_data / name)) == count, name
    with pytest.raises(DataError, match="no video in it, only sound with a cover picture"):
        list(Video(shared_data / "video_hard/audio_cover.mp4"))


def late_start(path):
    return write(path, "matroska", "libx264", moving(30), ticks=range(300, 330))


def variable_rate(path):
    return write(path, "matroska", "mpeg4", moving(12), ticks=[0, 1, 2, 9, 10, 11, 30, 31, 60, 61, 62, 80])


def dropped_frames(path):
    return write(path, "avi", "mpeg4", moving(12), ticks=[0, 1, 2, 9, 10, 11, 30, 31, 60, 61, 62, 80])


def longer_sound(path):
    with av.open(str(path), "w") as output:
        video = output.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 160, 120, "yuv420p"
        sound = output.add_stream("aac", rate=8000, layout="mono")
        for number in range(80):
            silence = av.AudioFrame.from_ndarray(
                np.zeros((1, 1024), np.float32), format="fltp", layout="mono"
            )
            silence.sample_rate, silence.pts = 8000, 1024 * number
            output.mux(sound.encode(silence))
        for number, image in enumerate(moving(30)):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            output.mux(video.encode(frame))
        for stream in (video, sound):
            output.mux(stream.encode())
    return path


def cut_without_encoding(path):
    """The last 20 of 50 frames, and hidden ones back to the key frame: what `ffmpeg -ss … -c copy` makes."""
    whole = write(path.with_name("whole.mp4"), "mp4", "libx264", moving(50), codec_options={"bf": "2"})
    with av.open(str(whole)) as source, av.open(str(path), "w") as target:
        stream = source.streams.video[0]
        copied = target.add_stream_from_template(stream)
        start = round(30 / 25 / stream.time_base)
        for packet in source.demux(stream):
            if packet.size:
                packet.pts, packet.dts = packet.pts - start, packet.dts - start
                packet.stream = copied
                target.mux(packet)
    return path


@pytest.mark.parametrize(
    ("make", "name", "count"),
    [
        (late_start, "a.mkv", 30),
        (variable_rate, "a.mkv", 12),
        (dropped_frames, "a.avi", 12),
        (longer_sound, "a.mkv", 30),
        (longer_sound, "a.mp4", 30),
        (cut_without_encoding, "a.mp4", 20),
    ],
)
def test_what_the_header_says_of_length_is_not_believed(tmp_path, make, name, count):
    assert len(check(make(tmp_path / name))) == count


@pytest.mark.parametrize("codec", ["mpeg4", "libx264"])
def test_the_time_never_runs_backwards_in_an_avi_with_frames_out_of_order(tmp_path, codec):
    path = write(tmp_path / "a.avi", "avi", codec, moving(20), codec_options={"bf": "2"})
    check(path, np.arange(20) / 25)


def test_a_fragmented_mp4_is_counted_as_it_is_read(tmp_path):
    options = {"movflags": "frag_keyframe+empty_moov"}
    path = write(tmp_path / "a.mp4", "mp4", "libx264", moving(30), container_options=options)
    assert len(check(path)) == 30


def clock(**options):
    return FrameClock(Fraction(1, 1000), 0.04, **({"by_decoding": False} | options))


@pytest.mark.parametrize(
    ("stamps", "expected"),
    [
        ([(500, 460), (540, 500), (580, 540)], [0, 0.04, 0.08]),
        ([(0, 0), (None, 40), (80, 80)], [0, 0.04, 0.08]),
        ([(0, None), (40, None), (None, None), (120, None)], [0, 0.04, 0.08, 0.12]),
        ([(None, None), (None, None), (900, None), (940, None)], [0, 0.04, 0.08, 0.12]),
        ([(0, 0), (40, 40), (40, 40), (80, 80)], [0, 0.04, 0.0405, 0.08]),
        ([(9000, 0), (9040, 40), (20, 80), (60, 120)], [0, 0.04, 0.08, 0.12]),  # a clock that was set anew
    ],
)
def test_times_start_from_0_and_increase(stamps, expected):
    running = clock()
    np.testing.assert_allclose([running.time(*stamp) for stamp in stamps], expected)


def test_a_clock_of_decoding_ignores_stamps_of_presentation():
    running = clock(by_decoding=True)
    times = [running.time(*stamp) for stamp in [(40, 80), (120, 120), (80, 160), (200, None)]]
    np.testing.assert_allclose(times, [0, 0.04, 0.08, 0.12])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda path: path.write_bytes(b"#EXTM3U\n#EXTINF:5,\nother.ts\n#EXT-X-ENDLIST\n"),
            "text, not a video",
        ),
        (lambda path: path.write_bytes(b"ffconcat version 1.0\nfile other.ts\n"), "text, not a video"),
        (
            lambda path: path.write_bytes(b"v=0\nm=video 9 RTP/AVP 96\nc=IN IP4 127.0.0.1\n"),
            "text, not a video",
        ),
    ],
)
def test_no_playlist_leads_elsewhere(tmp_path, make, message):
    write_as(tmp_path / "other.ts")
    make(tmp_path / "a.ts")
    with pytest.raises(DataError, match=message):
        list(Video(tmp_path / "a.ts"))


def test_sound_alone_is_no_video(tmp_path):
    with av.open(str(tmp_path / "a.mp4"), "w") as output:
        stream = output.add_stream("aac", rate=8000, layout="mono")
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        silence.sample_rate, silence.pts = 8000, 0
        output.mux(stream.encode(silence))
        output.mux(stream.encode())
    with pytest.raises(DataError, match="no video in it, only sound"):
        list(Video(tmp_path / "a.mp4"))


def test_a_range_in_seconds_lies_within_a_frame_of_those_seconds(tmp_path):
    path = variable_rate(tmp_path / "a.mkv")
    every = np.array(frames_and_times(path))
    for start, end in [(0.3, 1.3), (0.0, 0.5), (1.2, 2.5), (2.4, 99)]:
        kept = [frame.time for frame in Video(path, seconds=(start, end))]
        half = 0.5 / Video(path).fps if not math.isnan(Video(path).fps) else 0.02
        inside = every[(every > start - half) & (every <= end - half)]
        np.testing.assert_allclose(kept, inside)
        assert kept[0] > start - 0.04
        assert kept[-1] < end
    video = Video(path, seconds=(1.2, 2.5))
    indices = [frame.index for frame in video]
    assert (video.start_found, video.end_found) == (indices[0], indices[-1] + 1)
    with pytest.raises(DataError, match="12 frames, none in the range from 9"):
        list(Video(path, seconds=(9.0, None)))
