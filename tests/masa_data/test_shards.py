import multiprocessing
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from masa_data import ClipInfo, DataError, PoseShards, PoseTrack
from masa_data.analysis.quality import validate
from masa_data.shards.quantize import quantize
from masa_data.shards.writer import write_shard
from tests.conftest import assert_same_track, make_track


def write(path, provenance, tracks):
    write_shard(path, provenance, map(quantize, tracks), sum(map(len, tracks)))
    return path


@pytest.fixture
def three(tmp_path, provenance):
    tracks = [
        make_track("book/1", 4, gloss="book", label=0, split="train", signer="Ann", source_sha256="ab" * 32),
        make_track("book/zwölf 12", 1, gloss="book", label=0, start=0, end=7, fps=float("nan")),
        make_track("läuft\nschnell", 9, corpus="csv", gloss="行く"),
    ]
    return write(tmp_path / "three.h5", provenance, tracks), tracks


def test_what_is_written_is_read_back(three, provenance):
    path, tracks = three
    with PoseShards.open(path) as found:
        assert list(found) == [track.info.id for track in tracks]
        assert found.provenance == provenance
        for track in tracks:
            assert_same_track(found[track.info.id], track)
        assert found.column("gloss").tolist() == ["book", "book", "行く"]
        assert found.lengths.tolist() == [4, 1, 9]
        assert not [finding for finding in validate(found) if finding.kind == "error"]


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    keypoints=hnp.arrays(np.float32, (3, 49, 2), elements=st.floats(-(2.0**20), 2.0**20, width=32)),
    confidence=hnp.arrays(np.float32, (3, 49), elements=st.floats(0, 1, width=32)),
    width=st.integers(1, 8000),
    height=st.integers(1, 8000),
)
def test_any_track_is_kept_to_the_promised_resolution(
    tmp_path, provenance, keypoints, confidence, width, height
):
    info = ClipInfo("a", "a.mp4", width=width, height=height, end=3)
    track = PoseTrack.with_missing(info, keypoints, confidence, np.arange(3), np.arange(3.0))
    with PoseShards.open(write(tmp_path / "a.h5", provenance, [track])) as found:
        read = found["a"]
        clamped = int(found.column("clamped")[0])
    longer = max(width, height)
    inside = ((keypoints >= -longer) & (keypoints <= 2 * longer)).all(axis=-1)
    known = confidence > 0
    # A whole frame outside is kept; what lies further out (but for rounding at the edge) is gone.
    assert (read.confidence[known & inside] > 0).all()
    edge = ((keypoints >= -longer * 1.0001) & (keypoints <= 2 * longer * 1.0001)).all(axis=-1)
    assert (read.confidence[known & ~edge] == 0).all()
    assert (known & ~edge).sum() <= clamped <= (known & ~inside).sum()
    kept = read.confidence > 0
    error = np.abs(read.keypoints[kept] - keypoints[kept])
    assert (error <= longer / 20000 / 2 + longer * 3e-7).all()
    assert np.abs(read.confidence - confidence)[kept].max(initial=0) <= 1 / 255


def test_the_paper_s_threshold_survives_rounding(tmp_path, provenance):
    track = replace(
        make_track(frames=1),
        keypoints=np.ones((1, 49, 2), np.float32),
        confidence=np.full((1, 49), 0.4, np.float32),
    )
    with PoseShards.open(write(tmp_path / "a.h5", provenance, [track])) as found:
        assert (found.track(0).confidence >= np.float32(0.4)).all()


def test_a_frame_takes_at_most_260_bytes(tmp_path, provenance):
    empty = write(tmp_path / "one.h5", provenance, [make_track("a", 1)]).stat().st_size
    long = write(tmp_path / "many.h5", provenance, [make_track("a", 10_001)]).stat().st_size
    assert (long - empty) / 10_000 <= 260 + 8  # and 8 for the box


def test_equal_tracks_give_equal_bytes(tmp_path, provenance):
    tracks = [make_track("a"), make_track("b")]
    first = write(tmp_path / "1.h5", provenance, tracks).read_bytes()
    time.sleep(1.1)  # a time of writing would differ
    assert write(tmp_path / "2.h5", provenance, tracks).read_bytes() == first


def read_sum(tracks):
    return sum(float(np.nansum(tracks.track(number).keypoints)) for number in range(len(tracks)))


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork.*:DeprecationWarning")
def test_many_processes_read_one_open_file(three, method):
    path, _ = three
    with PoseShards.open(path) as tracks:
        tracks.column("id")
        expected = read_sum(tracks)
        with multiprocessing.get_context(method).Pool(3) as pool:
            assert pool.map(read_sum, [tracks] * 6) == [expected] * 6


def test_every_truncation_is_refused(three):
    path, _ = three
    whole = path.read_bytes()
    for length in np.linspace(0, len(whole) - 1, 60).astype(int):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError):
            PoseShards.open(path)


def test_validation_finds_a_flipped_bit(three):
    path, tracks = three
    with PoseShards.open(path) as found:
        position = path.read_bytes().index(found.stored(0).positions.tobytes())
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)
    with PoseShards.open(path) as found:
        assert [f.text for f in validate(found) if f.kind == "error"] == [
            f"clip {tracks[0].info.id}: its checksum does not match"
        ]


def test_validation_names_the_same_video_in_two_splits(tmp_path, provenance):
    same = {"source_sha256": "cd" * 32}
    tracks = [make_track("a", split="train", **same), make_track("b", split="test", **same), make_track("c")]
    with PoseShards.open(write(tmp_path / "a.h5", provenance, tracks)) as found:
        assert [f.text for f in validate(found)] == ["clips a, b are the same video, in different splits"]
