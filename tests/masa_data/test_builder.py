import errno
import hashlib
import json
import os
import resource
import shutil
import time

import pytest

from masa_data import DataError, PoseShards
from masa_data.corpora.clip import Clip
from masa_data.extraction.replaced import replaced_clips
from masa_data.shards.builder import DatasetBuilder
from masa_data.shards.journal import Journal
from masa_data.shards.quantize import quantize
from masa_data.shards.writer import ShardEntry, write_index
from masa_data.tracks.provenance import Sampling, SplitRule
from tests.conftest import assert_same_track, make_track

TRACKS = [make_track(f"{gloss}/{take}", 3 + take, gloss=gloss) for gloss in ("a", "b") for take in range(4)]
IDS = [track.info.id for track in TRACKS]


def build(out, provenance, tracks, **options):
    with DatasetBuilder(out, provenance, **options) as builder:
        for track in tracks:
            builder.add(track)
        found = builder.finish(IDS)
        assert found is not None
        found.close()
    assert not builder.folder.exists()


def test_a_journal_cut_at_any_byte_gives_back_every_whole_clip(tmp_path):
    path = tmp_path / "journal"
    ends = [0]
    with Journal(path) as journal:
        for track in TRACKS[:3]:
            journal.append(quantize(track))
            ends.append(path.stat().st_size)
    whole = path.read_bytes()
    for length in [*range(0, len(whole), 37), *(end + off for end in ends for off in (-1, 0, 1))]:
        path.write_bytes(whole[: max(0, length)])
        with Journal(path) as journal:
            expected = sum(end <= length for end in ends[1:])
            assert list(journal) == IDS[:expected]
            journal.append(quantize(TRACKS[5]))
            stored = journal.read(IDS[5])
            assert stored.info == TRACKS[5].info
            assert stored.payload() == quantize(TRACKS[5]).payload()


def test_a_flipped_bit_ends_the_journal_there(tmp_path):
    path = tmp_path / "journal"
    with Journal(path) as journal:
        for track in TRACKS[:3]:
            journal.append(quantize(track))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
    with Journal(path) as journal:
        assert list(journal) == IDS[:1]


def test_the_order_of_finishing_and_a_stop_in_between_do_not_change_a_byte(tmp_path, provenance):
    build(tmp_path / "once.h5", provenance, TRACKS)
    with DatasetBuilder(tmp_path / "twice.h5", provenance) as builder:
        for track in TRACKS[5:2:-1]:
            builder.add(track)
    assert builder.folder.exists()
    assert not (tmp_path / "twice.h5").exists()
    with DatasetBuilder(tmp_path / "twice.h5", provenance) as builder:
        assert [clip_id for clip_id in IDS if clip_id in builder] == IDS[3:6]
        for track in (*TRACKS[:3], *TRACKS[6:]):
            builder.add(track)
        builder.finish(IDS)
    assert (tmp_path / "twice.h5").read_bytes() == (tmp_path / "once.h5").read_bytes()


SCORES = [(-0.004, 0.3), (0.2, 1.056), None, (-0.001, 0.2), (0.1, 0.9), (0.0, 1.055), None, (0.3, 0.4)]


def test_the_range_of_raw_scores_is_the_same_however_often_it_was_stopped(tmp_path, provenance):
    scored = list(zip(TRACKS, SCORES, strict=True))
    for name, parts in (("once.h5", [scored]), ("thrice.h5", [scored[5:], scored[3:5], scored[:3]])):
        for part in parts:
            with DatasetBuilder(tmp_path / name, provenance) as builder:
                for track, raw_scores in part:
                    builder.add(track, raw_scores)
                if part is parts[-1]:
                    builder.finish(IDS).close()
    assert (tmp_path / "once.h5").read_bytes() == (tmp_path / "thrice.h5").read_bytes()
    with PoseShards.open(tmp_path / "once.h5") as found:
        assert found.provenance.raw_scores == (0.0, 1.06)


@pytest.mark.parametrize("shard_clips", [None, 3])
def test_the_range_of_raw_scores_takes_in_clips_that_are_added(tmp_path, provenance, shard_clips):
    notes = []
    for number in (0, 1, 2):
        with DatasetBuilder(tmp_path / "out.h5", provenance, shard_clips=shard_clips) as builder:
            builder.add(TRACKS[number], SCORES[number])
            with builder.finish(IDS) as found:
                notes.append(found.provenance.raw_scores)
    assert notes == [(0.0, 0.3), (0.0, 1.06), (0.0, 1.06)]


@pytest.mark.parametrize("shard_clips", [None, 3])
def test_clips_are_added_to_a_finished_dataset(tmp_path, provenance, shard_clips):
    out = tmp_path / "out.h5"
    build(out, provenance, TRACKS[:4], shard_clips=shard_clips)
    build(out, provenance, TRACKS[4:])
    with PoseShards.open(out) as found:
        assert list(found) == IDS
        assert [entry.clips for entry in found.shards] == ([] if shard_clips is None else [3, 1, 3, 1])
        assert found.column("label").tolist() == [0] * 4 + [1] * 4
        for number, track in enumerate(TRACKS):
            assert_same_track(
                found.track(number),
                make_track(IDS[number], len(track), gloss=track.info.gloss, label=number // 4),
            )


def test_a_sharded_and_a_self_contained_dataset_have_the_same_fingerprint(tmp_path, provenance):
    build(tmp_path / "one.h5", provenance, TRACKS)
    build(tmp_path / "many.h5", provenance, TRACKS, shard_clips=3)
    with PoseShards.open(tmp_path / "one.h5") as one, PoseShards.open(tmp_path / "many.h5") as many:
        assert one.fingerprint == many.fingerprint
        assert [entry.name for entry in many.shards] == [f"many-{number:05d}.h5" for number in range(3)]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda shard: shard.unlink(), "is missing"),
        (lambda shard: shard.write_bytes(shard.read_bytes()[:-1]), "bytes, but out.h5 lists it with"),
        (
            lambda shard: shutil.copy(shard.with_name("out-00002.h5"), shard),
            "bytes, out.h5 lists|has 2 clips",
        ),
        (lambda shard: shard.write_bytes(bytes(shard.stat().st_size)), "not an HDF5 file"),
    ],
)
def test_a_missing_cut_or_foreign_shard_is_named(tmp_path, provenance, damage, message):
    build(tmp_path / "out.h5", provenance, TRACKS, shard_clips=3)
    damage(tmp_path / "out-00001.h5")
    with pytest.raises(DataError, match=message) as caught:
        PoseShards.open(tmp_path / "out.h5")
    assert "out-00001.h5" in str(caught.value)


def test_an_index_cannot_lead_out_of_its_folder(tmp_path, provenance):
    for name in ("../out.h5", "/etc/passwd", "..", ""):
        write_index(tmp_path / "index.h5", provenance, [ShardEntry(name, 1, "", 1)])
        with pytest.raises(DataError, match="without a folder"):
            PoseShards.open(tmp_path / "index.h5")


def test_another_estimator_s_clips_are_refused_and_nothing_is_lost(tmp_path, provenance):
    out = tmp_path / "out.h5"
    build(out, provenance, TRACKS[:2])
    before = out.read_bytes()
    other = provenance.model_copy(
        update={"estimator": provenance.estimator.model_copy(update={"weights_sha256": "1" * 64})}
    )
    with pytest.raises(DataError, match=r"weights_sha256: 0000.* / 1111.*a dataset has one estimator"):
        DatasetBuilder(out, other)
    with pytest.raises(DataError, match="sampling every: 1 / 2"):
        DatasetBuilder(out, provenance.model_copy(update={"sampling": Sampling(every=2)}))
    assert out.read_bytes() == before
    assert list(tmp_path.iterdir()) == [out]


def test_an_unfinished_extraction_goes_on_only_as_it_was_started(tmp_path, provenance):
    out = tmp_path / "out.h5"
    with DatasetBuilder(out, provenance) as builder:
        builder.add(TRACKS[0])
    changed = provenance.model_copy(update={"sampling": Sampling(every=2)})
    with pytest.raises(DataError, match=r"with other settings \(sampling every: 1 / 2\)"):
        DatasetBuilder(out, changed)
    with DatasetBuilder(out, provenance) as builder:
        assert IDS[0] in builder
    with DatasetBuilder(out, changed, overwrite=True) as builder:
        assert IDS[0] not in builder


def test_overwriting_keeps_the_old_file_until_the_new_one_is_whole(tmp_path, provenance):
    out = tmp_path / "out.h5"
    build(out, provenance, TRACKS[:2])
    before = out.read_bytes()
    with DatasetBuilder(out, provenance, overwrite=True) as builder:
        builder.add(TRACKS[5])
    assert out.read_bytes() == before
    with DatasetBuilder(out, provenance) as builder:  # going on, it still replaces
        builder.finish(IDS)
    with PoseShards.open(out) as found:
        assert list(found) == IDS[5:6]


def test_two_processes_cannot_write_one_file(tmp_path, provenance):
    with DatasetBuilder(tmp_path / "out.h5", provenance) as builder:
        builder.add(TRACKS[0])
        with pytest.raises(DataError, match="another process is writing"):
            DatasetBuilder(tmp_path / "out.h5", provenance)


def test_a_foreign_file_is_refused_and_left_alone(tmp_path, provenance):
    out = tmp_path / "out.h5"
    out.write_text("my thesis")
    with pytest.raises(DataError, match="not an HDF5 file"):
        DatasetBuilder(out, provenance)
    assert out.read_text() == "my thesis"
    assert list(tmp_path.iterdir()) == [out]


def test_splits_are_dealt_and_recorded(tmp_path, provenance):
    out = tmp_path / "out.h5"
    rule = SplitRule(by="random", seed=3)
    build(out, provenance.model_copy(update={"split_rule": rule}), TRACKS[:6])
    build(out, provenance, TRACKS[6:])  # goes on with the recorded rule
    with PoseShards.open(out) as found:
        assert found.provenance.split_rule == rule
        assert set(found.column("split")) == {"train", "val", "test"}
    with pytest.raises(DataError, match="Leave out split_by and seed"):
        DatasetBuilder(out, provenance.model_copy(update={"split_rule": SplitRule(by="random", seed=4)}))


def test_a_full_disk_stops_with_the_clips_before_safe(tmp_path, provenance):
    out = tmp_path / "out.h5"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with DatasetBuilder(out, provenance) as builder:
        builder.add(TRACKS[0])
        used = (builder.folder / "journal").stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (used + 100, limits[1]))
        try:
            with pytest.raises(OSError, match="File too large") as caught:
                builder.add(TRACKS[1])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert caught.value.errno == errno.EFBIG
    with DatasetBuilder(out, provenance) as builder:
        assert IDS[0] in builder
        assert IDS[1] not in builder
        run = json.loads((builder.folder / "run.json").read_text())
        assert run["replaces"] is False


def shorter(track, **info):
    """Another track under the same id."""
    return make_track(track.info.id, 2, seed=9, **({"gloss": track.info.gloss} | info))


@pytest.mark.parametrize("replaced", [[0], [2, 7], list(range(8))])
def test_clips_added_anew_take_the_place_of_the_old_ones(tmp_path, provenance, replaced):
    rule = SplitRule(by="random", seed=0)
    build(tmp_path / "a.h5", provenance.model_copy(update={"split_rule": rule}), TRACKS)
    with PoseShards.open(tmp_path / "a.h5") as tracks:
        before = {clip_id: tracks[clip_id] for clip_id in tracks}
    build(tmp_path / "a.h5", provenance, [shorter(TRACKS[number]) for number in replaced])
    with PoseShards.open(tmp_path / "a.h5") as tracks:
        assert list(tracks) == list(before)
        assert tracks.damaged_clips() == []
        for number, clip_id in enumerate(tracks):
            if number in replaced:
                assert len(tracks[clip_id]) == 2
                # The class and the split that it had.
                assert tracks[clip_id].info.label == before[clip_id].info.label
                assert tracks[clip_id].info.split == before[clip_id].info.split
            else:
                assert_same_track(tracks[clip_id], before[clip_id])


def test_of_a_clip_added_twice_the_later_counts_even_after_a_stop(tmp_path, provenance):
    with DatasetBuilder(tmp_path / "a.h5", provenance) as builder:
        builder.add(TRACKS[0])
    build(tmp_path / "a.h5", provenance, [shorter(TRACKS[0])])
    with PoseShards.open(tmp_path / "a.h5") as tracks:
        assert len(tracks[IDS[0]]) == 2


def clip_of(path, content=None):
    if content is not None:
        path.write_bytes(content)
    return Clip(path.stem, path, str(path), "folder")


def done(builder, clip):
    builder.add(
        make_track(
            clip.id, path=clip.path, source_sha256=hashlib.sha256(clip.source.read_bytes()).hexdigest()
        )
    )


@pytest.mark.parametrize("is_finished", [True, False])
def test_videos_that_were_replaced_are_found(tmp_path, provenance, is_finished):
    names = ("same", "written", "moved", "touched", "gone")
    clips = {name: clip_of(tmp_path / f"{name}.mp4", name.encode()) for name in names}
    (tmp_path / "older").write_bytes(b"another video")
    os.utime(tmp_path / "older", (0, 0))
    with DatasetBuilder(tmp_path / "a.h5", provenance) as builder:
        for clip in clips.values():
            done(builder, clip)
        if is_finished:
            builder.finish(list(clips)).close()
    time.sleep(0.02)  # a file system's clock may tick so slowly
    clips["written"].source.write_bytes(b"WRITTEN")
    (tmp_path / "older").replace(clips["moved"].source)
    clips["touched"].source.touch()
    clips["gone"].source.unlink()
    new = clip_of(tmp_path / "new.mp4", b"new")
    with DatasetBuilder(tmp_path / "a.h5", provenance) as builder:
        found = [clip.id for clip in replaced_clips([*clips.values(), new], builder)]
    assert found == ["written", "moved", "gone"]


def test_the_same_name_at_another_path_is_looked_at(tmp_path, provenance):
    (tmp_path / "other").mkdir()
    first, copy = clip_of(tmp_path / "a.mp4", b"a"), clip_of(tmp_path / "other/a.mp4", b"a")
    second, other = clip_of(tmp_path / "b.mp4", b"b"), clip_of(tmp_path / "other/b.mp4", b"c")
    with DatasetBuilder(tmp_path / "a.h5", provenance) as builder:
        done(builder, first)
        done(builder, second)
        assert [clip.id for clip in replaced_clips([copy, other], builder)] == ["b"]
