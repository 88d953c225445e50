"""A disk that is full at each stage of a file's life: one OSError, nothing broken left, the work kept."""

import os

import numpy as np
import pytest

from masa_data import PoseShards
from masa_data.drawing.overlay import write_overlay
from masa_data.drawing.sheet import tiles_of_one, write_sheet
from masa_data.editing.copying import Part, copy_clips
from masa_data.editing.rewrite import rewrite
from masa_data.errors import DataError
from masa_data.formats.collector import TrackCollector
from masa_data.formats.export import FILE_FORMATS, FOLDER_FORMATS, export
from masa_data.report.page import write_report
from masa_data.shards.builder import DatasetBuilder
from masa_data.shards.quantize import quantize
from masa_data.shards.writer import ShardEntry, write_index, write_shard
from masa_data.tracks.provenance import EstimatorIdentity, Provenance
from tests.conftest import make_track
from tests.small_disk import fill, small_disk

IDS = [f"c{number}" for number in range(20)]
TRACKS = [make_track(clip_id, 50, gloss=f"g{number % 4}") for number, clip_id in enumerate(IDS)]


@pytest.fixture
def disk(tmp_path):
    with small_disk(tmp_path / "disk", 1024) as place:
        yield place


@pytest.fixture(scope="module")
def tracks(tmp_path_factory):
    estimator = EstimatorIdentity(name="m", version="1", settings={}, weights_sha256="0" * 64, confidence="")
    path = tmp_path_factory.mktemp("tracks") / "in.h5"
    stored = [quantize(track) for track in TRACKS]
    write_shard(path, Provenance(estimator=estimator, tool_version="0"), stored, 50 * len(TRACKS))
    with PoseShards.open(path) as opened:
        yield opened


def add_all(keeper):
    for track in TRACKS:
        keeper.add(track)


def names(folder):
    return {path.name for path in folder.iterdir()}


# 280 kB are needed: full among the frames, between them, and among the columns of clips at the end.
@pytest.mark.parametrize("free", [0, 8, 100, 200, 260, 268, 272, 276])
def test_the_final_write_of_a_shard(disk, provenance, free):
    (disk / "out.h5").write_bytes(b"old")
    fill(disk, free)
    with pytest.raises(OSError, match="No space left"):
        write_shard(disk / "out.h5", provenance, map(quantize, TRACKS), 50 * len(TRACKS))
    assert names(disk) == {"out.h5", "filler"}
    assert (disk / "out.h5").read_bytes() == b"old"


def test_an_index(disk, provenance):
    fill(disk, 4)
    with pytest.raises(OSError, match="No space left"):
        write_index(disk / "out.h5", provenance, [ShardEntry("a.h5", 1, "0" * 64, 1)] * 20)
    assert names(disk) == {"filler"}


@pytest.mark.parametrize("shard_clips", [None, 6])
def test_an_extraction_keeps_its_clips_and_ends_the_same(disk, tmp_path, provenance, shard_clips):
    with DatasetBuilder(tmp_path / "out.h5", provenance, shard_clips=shard_clips) as builder:
        for track in TRACKS:
            builder.add(track)
        builder.finish(IDS).close()
    expected = {path.name: path.read_bytes() for path in tmp_path.glob("out*.h5")}
    out = disk / "out.h5"
    filler = fill(disk, 150)
    with DatasetBuilder(out, provenance, shard_clips=shard_clips) as builder:  # the journal's turn
        with pytest.raises(OSError, match="No space left"):
            add_all(builder)
        kept = sum(clip_id in builder for clip_id in IDS)
        assert 0 < kept < len(IDS)
    filler.unlink()
    filler = fill(disk, 330)
    with DatasetBuilder(out, provenance, shard_clips=shard_clips) as builder:
        assert sum(clip_id in builder for clip_id in IDS) == kept
        for track in TRACKS[kept:]:
            builder.add(track)
        with pytest.raises(OSError, match="No space left"):  # the final write's
            builder.finish(IDS)
        assert not out.exists()
        assert not list(disk.glob("*.tmp"))
    filler.unlink()
    with DatasetBuilder(out, provenance, shard_clips=shard_clips) as builder:
        assert all(clip_id in builder for clip_id in IDS)
        builder.finish(IDS).close()
    assert {path.name: path.read_bytes() for path in disk.iterdir()} == expected


def test_an_import(disk, provenance):
    fill(disk, 400)
    with TrackCollector(disk / "out.h5") as collector:
        add_all(collector)
        with pytest.raises(OSError, match="No space left"):
            collector.finish(provenance)
    assert names(disk) == {"filler"}


def test_copies_and_new_facts(disk, tracks):
    fill(disk, 150)
    part = Part(tracks, np.arange(len(tracks)))
    for shard_clips in (None, 5):
        with pytest.raises(OSError, match="No space left"):
            copy_clips([part], disk / "out.h5", tracks.provenance, shard_clips=shard_clips)
        assert names(disk) == {"filler"}


def test_new_labels_leave_the_old_file(disk, tracks):
    path = disk / "in.h5"
    path.write_bytes(tracks.path.read_bytes())
    before = path.read_bytes()
    fill(disk, 200)
    with PoseShards.open(path) as opened, pytest.raises(OSError, match="No space left"):
        rewrite(opened, [track.info for track in TRACKS], opened.provenance)
    assert path.read_bytes() == before
    assert names(disk) == {"filler", "in.h5"}


@pytest.mark.parametrize("to", [*FILE_FORMATS, *FOLDER_FORMATS])
def test_exports(disk, tracks, to):
    if to == "parquet":
        pytest.importorskip("pyarrow")
    fill(disk, 40)
    with pytest.raises(OSError, match="No space left"):
        export(tracks, to, disk / "out")
    assert names(disk) == {"filler"}


def test_pictures_and_pages(disk, tracks):
    for path in (disk / "a.html", disk / "a.png", disk / "a.svg", disk / "b.png"):
        path.write_bytes(b"old")
    fill(disk, 4)
    for write in (
        lambda: write_report(tracks, disk / "a.html"),
        lambda: write_sheet(tiles_of_one(tracks.track(0)), disk / "a.png"),
        lambda: write_sheet(tiles_of_one(tracks.track(0)), disk / "a.svg"),
        lambda: write_overlay(tracks.track(0), disk / "b.png", None),
    ):
        with pytest.raises(OSError, match="No space left"):
            write()
    assert {
        path.name: path.read_bytes() for path in disk.iterdir() if path.name != "filler"
    } == dict.fromkeys(("a.html", "a.png", "a.svg", "b.png"), b"old")


@pytest.mark.parametrize("library", ["PyAV", "OpenCV"])
@pytest.mark.parametrize("ending", [".mp4", ".webm", ".gif"])
def test_films(disk, tracks, ending, library, monkeypatch):
    if library == "PyAV":
        pytest.importorskip("av")
    else:
        monkeypatch.setitem(__import__("sys").modules, "av", None)
    if ending == ".gif":
        pytest.importorskip("PIL")
    fill(disk, 8)
    with pytest.raises((OSError, DataError), match=r"No space left|could be written"):
        write_overlay(tracks.track(0), disk / f"a{ending}", None)
    assert names(disk) == {"filler"}
    assert os.statvfs(disk).f_bavail > 0
