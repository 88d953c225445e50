"""Which clips of a file are recognized in a corpus's lists, and what a rewrite leaves as it is."""

import numpy as np
import pytest

from masa_data import PoseShards
from masa_data.corpora.clip import Clip
from masa_data.editing.relabel import deal_splits, relabel, write_relabeled
from masa_data.errors import DataError
from masa_data.shards.builder import DatasetBuilder
from masa_data.tracks.provenance import SplitRule
from masa_data.tracks.track import ClipInfo
from tests.conftest import make_track


def info(clip_id, **facts):
    return ClipInfo(clip_id, clip_id, width=10, height=10, **facts)


def listed(clip_id, tmp_path, label=3, **facts):
    return Clip(clip_id, tmp_path, "", "wlasl", gloss="book", label=label, split="train", **facts)


def labels(infos, clips):
    return [new.label for new in relabel(infos, clips).infos]


def test_ids_match_whole_or_by_their_last_parts(tmp_path):
    clips = [listed("69241", tmp_path, 1), listed("train/00007", tmp_path, 2), listed("000/P01", tmp_path, 4)]
    ids = ["69241", "x/train/00007", "P01", "00007x", "val/00007"]
    assert labels([info(clip_id) for clip_id in ids], clips) == [1, 2, 4, -1, -1]
    assert labels([info("videos/a/69241")], clips) == [1]


def test_last_parts_that_fit_two_listed_clips_match_none(tmp_path):
    clips = [listed("train/00007", tmp_path, 1), listed("val/00007", tmp_path, 2)]
    assert labels([info("00007")], clips) == [-1]


def test_two_clips_that_look_like_the_same_are_both_left(tmp_path):
    done = relabel([info("a/1"), info("b/1"), info("2")], [listed("1", tmp_path), listed("2", tmp_path)])
    assert done.contested == ["a/1", "b/1"]
    assert [new.label for new in done.infos] == [-1, -1, 3]
    done = relabel([info("a/1"), info("1")], [listed("1", tmp_path)])
    assert done.contested == ["a/1"]
    assert [new.label for new in done.infos] == [-1, 3]


def test_counts_and_the_signer_is_kept_if_the_lists_know_none(tmp_path):
    done = relabel(
        [info("1", signer="Ann", gloss="old"), info("9", gloss="mine")],
        [listed("1", tmp_path), listed("2", tmp_path)],
    )
    assert (done.changed, done.unknown, done.absent) == (1, ["9"], 1)
    assert done.infos[0] == info("1", corpus="wlasl", gloss="book", label=3, split="train", signer="Ann")
    assert done.infos[1] == info("9", gloss="mine")


def test_a_text_that_cannot_be_stored_is_refused(tmp_path):
    with pytest.raises(DataError, match="NUL"):
        relabel([info("1")], [listed("1", tmp_path, signer="a\0b")])


def build(path, provenance, shard_clips=None, clips=7, **facts):
    with DatasetBuilder(path, provenance, shard_clips=shard_clips) as builder:
        for number in range(clips):
            builder.add(make_track(f"videos/{number}", frames=number + 1, **facts))
        builder.finish([f"videos/{number}" for number in range(clips)]).close()


def frames_of(path):
    with PoseShards.open(path) as tracks:
        stored = [tracks.stored(number) for number in range(len(tracks))]
        return [(one.info.id, one.payload(), one.clamped) for one in stored]


@pytest.mark.parametrize("shard_clips", [None, 3])
def test_a_rewrite_leaves_every_bit_of_the_frames(tmp_path, provenance, shard_clips):
    path = tmp_path / "out.h5"
    build(path, provenance, shard_clips)
    before = frames_of(path)
    for label in (3, 4, 5):  # again and again, so that shard names come round
        with PoseShards.open(path) as tracks:
            infos = [tracks.info(number) for number in range(len(tracks))]
            clips = [listed(str(number), tmp_path, label) for number in range(5)]
            write_relabeled(tracks, relabel(infos, clips))
        assert frames_of(path) == before
        with PoseShards.open(path) as tracks:
            assert tracks.column("label").tolist() == [label] * 5 + [-1] * 2
            assert tracks.damaged_clips() == tracks.damaged_shards() == []
        assert len(list(tmp_path.iterdir())) == (1 if shard_clips is None else 4)
    with DatasetBuilder(path, provenance) as builder:  # and clips can be added afterwards
        builder.add(make_track("new"))
        builder.finish(["new"]).close()
    assert frames_of(path)[:7] == before


@pytest.mark.parametrize("shard_clips", [None, 3])
def test_a_failed_rewrite_leaves_the_dataset_as_it_was(tmp_path, provenance, shard_clips):
    path = tmp_path / "out.h5"
    build(path, provenance, shard_clips)
    with PoseShards.open(path) as tracks:
        last = tracks.stored(6).payload()
    damaged = path if shard_clips is None else tmp_path / "out-00002.h5"
    content = damaged.read_bytes()
    place = content.index(last[:196])
    damaged.write_bytes(content[:place] + b"\1\2\3\4" + content[place + 4 :])
    before = {entry.name: entry.read_bytes() for entry in tmp_path.iterdir()}
    with PoseShards.open(path) as tracks, pytest.raises(DataError, match="does not match its checksum"):
        write_relabeled(tracks, relabel([tracks.info(n) for n in range(7)], [listed("1", tmp_path)]))
    assert {entry.name: entry.read_bytes() for entry in tmp_path.iterdir()} == before


def test_an_unfinished_extraction_is_not_undercut(tmp_path, provenance):
    path = tmp_path / "out.h5"
    build(path, provenance)
    with DatasetBuilder(path, provenance) as builder:
        builder.add(make_track("new"))
    with PoseShards.open(path) as tracks, pytest.raises(DataError, match="unfinished extraction"):
        deal_splits(tracks, SplitRule(by="random", seed=0))


def test_splits_are_dealt_to_clips_without_one_and_the_rule_is_recorded(tmp_path, provenance):
    path = tmp_path / "out.h5"
    build(path, provenance, clips=20, gloss="book", label=0)
    before = frames_of(path)
    rule = SplitRule(by="random", seed=1)
    with PoseShards.open(path) as tracks:
        assert deal_splits(tracks, rule) == (20, [])
    assert frames_of(path) == before
    with PoseShards.open(path) as tracks:
        assert tracks.provenance.split_rule == rule
        names, counts = np.unique(tracks.column("split").astype(str), return_counts=True)
        assert dict(zip(names.tolist(), counts.tolist(), strict=True)) == {"train": 14, "val": 2, "test": 4}
        assert deal_splits(tracks, rule) == (0, [])
    with PoseShards.open(path) as tracks:
        clips = [listed(str(number), tmp_path) for number in range(20)]
        write_relabeled(tracks, relabel([tracks.info(number) for number in range(20)], clips))
    with PoseShards.open(path) as tracks:
        assert tracks.provenance.split_rule is None  # the corpus's splits now, not the rule's


def test_splits_by_signer_need_signers(tmp_path, provenance):
    path = tmp_path / "out.h5"
    build(path, provenance)
    with PoseShards.open(path) as tracks, pytest.raises(DataError, match="needs two or more signers"):
        deal_splits(tracks, SplitRule(by="signer", seed=0))
