"""masa-view's masks: read back with Rerun's own reader, and left out where torch is not installed."""

import importlib.util
import sys

import numpy as np
import pytest
from masa_cli import view
from masa_cli.console import make_console

from masa_data.shards.quantize import quantize
from masa_data.shards.reader import PoseShards
from masa_data.shards.writer import write_shard
from tests.masa_model.made_up_signs import make_sign
from tests.small_disk import fill, small_disk


@pytest.fixture
def out(tmp_path, provenance):
    """Clips of val, then of train; in one of these no hand is to be seen for three frames."""
    tracks = [
        make_sign(f"{split}{n}", n, frames=14, split=split) for split in ("val", "train") for n in (0, 1)
    ]
    tracks[3].confidence[2:5, 1:] = 0
    tracks[3].keypoints[2:5, 1:] = np.nan
    write_shard(tmp_path / "out.h5", provenance, map(quantize, tracks), sum(map(len, tracks)))
    return tmp_path / "out.h5"


def test_without_torch_masks_are_left_out_and_it_is_said(out, monkeypatch, capsys):
    for name in [name for name in sys.modules if name.startswith("masa_model")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    with PoseShards.open(out) as tracks:
        assert view._masks(make_console(), tracks, "train1") is None
    assert (
        "not shown: torch is not installed. Install it: pip install 'masa-slr[train]'"
        in capsys.readouterr().out
    )


def test_a_clip_is_masked_as_in_the_first_epoch_over_its_file(out):
    pytest.importorskip("torch")
    from masa_model.inputs.track_masks import track_masks
    from masa_model.settings.pretrain import PretrainSettings

    with PoseShards.open(out) as tracks:
        found = view._masks(make_console(), tracks, "train1")
        expected = track_masks(tracks["train1"], PretrainSettings(), number=1)
        other = [track_masks(tracks["train1"], PretrainSettings(), number=n).masked for n in range(2, 9)]
    np.testing.assert_array_equal(found.masked, expected.masked)
    assert any((masked != expected.masked).any() for masked in other)


@pytest.mark.skipif(importlib.util.find_spec("rerun") is None, reason="rerun-sdk is not installed")
def test_masks_are_on_the_clips_clock(out, tmp_path, run):
    pytest.importorskip("torch")
    chunk = pytest.importorskip("rerun.chunk", reason="this rerun-sdk has no rerun.chunk to read files with")
    from masa_model.inputs.track_masks import track_masks
    from masa_model.settings.pretrain import PretrainSettings

    run("masa-view", out, "--clip", "train1", "--save", tmp_path / "a.rrd")
    rows = {}
    for part in chunk.RrdReader(tmp_path / "a.rrd").stream():
        batch = part.to_record_batch()
        if "frame" not in batch.schema.names:
            continue
        frames = batch.column("frame").to_pylist()
        for name in (name for name in batch.schema.names if ":" in name):
            cells = zip(frames, batch.column(name).to_pylist(), strict=True)
            rows.setdefault((part.entity_path, name), {}).update(cells)
    with PoseShards.open(out) as tracks:
        expected = track_masks(tracks["train1"], PretrainSettings(), number=1)
    labels = rows["/video/mask", "Boxes2D:labels"]
    states = {frame: label[0] for frame, label in labels.items() if label}
    assert states == {
        int(frame): "masked" if expected.masked[frame] else "candidate"
        for frame in np.flatnonzero(expected.candidate)
    }
    assert set(states.values()) >= {"masked"}
    cleared = rows["/video/mask", "Clear:is_recursive"]
    assert {frame for frame, value in cleared.items() if value} == set(range(14)) - set(states)
    masked = rows["/masks/share/masked", "Scalars:scalars"]
    assert {frame: bool(value) for frame, [value] in masked.items()} == {
        int(frame): bool(expected.masked[frame]) for frame in np.flatnonzero(expected.used)
    }
    assert 3 not in masked
    motion = rows["/masks/motion/right_hand", "Scalars:scalars"]
    for frame, [value] in motion.items():
        assert value == pytest.approx(expected.motion["right hand"][frame])


@pytest.mark.skipif(importlib.util.find_spec("rerun") is None, reason="rerun-sdk is not installed")
def test_a_full_disk_is_said_and_leaves_the_old_file(out, tmp_path, run):
    with small_disk(tmp_path / "disk", 1024) as disk:
        (disk / "a.rrd").write_bytes(b"old")
        filler = fill(disk, 4)
        found = run("masa-view", out, "--clip", "train1", "--save", disk / "a.rrd", code=2)
        assert "No space left" in found.stderr
        assert (disk / "a.rrd").read_bytes() == b"old"
        assert {path.name for path in disk.iterdir()} == {"a.rrd", filler.name}
