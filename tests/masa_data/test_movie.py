"""Films, read back by PyAV, which is not what wrote all of them."""

import sys

import numpy as np
import pytest

from masa_data.drawing.movie import NOT_FOR_BROWSERS, write_movie
from masa_data.errors import DataError

av = pytest.importorskip("av")


def images(count, size=(64, 97)):
    for number in range(count):
        image = np.full((*size, 3), 60, np.uint8)
        image[:, 8 * number % 80 : 8 * number % 80 + 16] = (20, 160, 230)
        yield image


def read(path):
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        times = [float(frame.time) for frame in frames]
        return stream.codec_context.name, times, [frame.to_ndarray(format="bgr24") for frame in frames]


@pytest.mark.parametrize(
    ("ending", "library", "codec"),
    [
        (".mp4", "PyAV", "h264"),
        (".webm", "PyAV", "vp9"),
        (".mp4", "OpenCV", "mpeg4"),
        (".webm", "OpenCV", "vp8"),
        (".gif", "Pillow", "gif"),
    ],
)
def test_what_is_written_is_shown(tmp_path, monkeypatch, ending, library, codec):
    if library == "Pillow":
        pytest.importorskip("PIL")
    with monkeypatch.context() as patch:
        if library == "OpenCV":
            patch.setitem(sys.modules, "av", None)
        note = write_movie(tmp_path / f"a{ending}", images(10), 12.5, 10)
    assert note == (NOT_FOR_BROWSERS if codec == "mpeg4" else "")
    found, times, frames = read(tmp_path / f"a{ending}")
    assert codec in found.replace("libvpx-", "").replace("libvpx", "vp8")
    assert len(frames) == 10
    np.testing.assert_allclose(np.diff(times), 0.08, atol=0.002)
    for frame, expected in zip(frames, images(10), strict=True):
        assert frame.shape == (64, 97 if ending == ".gif" else 96, 3)
        assert np.abs(frame.astype(int) - expected[:, : frame.shape[1]]).mean() < 12
    assert [path.name for path in tmp_path.iterdir()] == [f"a{ending}"]


def test_a_long_gif_takes_fewer_frames_and_as_long(tmp_path):
    pytest.importorskip("PIL")
    assert (
        write_movie(tmp_path / "a.gif", images(60), 30.0, 60)
        == "every 2 frames of the clip are one frame of the GIF"
    )
    _, times, frames = read(tmp_path / "a.gif")
    assert len(frames) == 30
    assert times[-1] + 0.07 == pytest.approx(2.0, abs=0.02)


def test_a_size_that_no_film_can_have(tmp_path):
    with pytest.raises(DataError, match="video of 5×1"):
        write_movie(tmp_path / "a.mp4", iter([np.zeros((1, 5, 3), np.uint8)]), 25.0, 1)
    assert not list(tmp_path.iterdir())
