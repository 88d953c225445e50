"""Files out of files: what is copied is the same to the bit, and nothing half-written is left."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from masa_data import DataError, PoseDataset, PoseShards
from masa_data.analysis.quality import validate
from masa_data.editing.copying import Part, copy_clips
from masa_data.editing.merge import merge
from masa_data.editing.subsample import subsample
from masa_data.tracks.provenance import Sampling
from tests.conftest import make_track


def many(count=40, **changes):
    facts = {"corpus": "folder", "split": "train"} | changes
    return [
        make_track(
            f"{number % 4}/{number:02d}", 2 + number % 5, gloss=f"g{number % 4}", label=number % 4, **facts
        )
        for number in range(count)
    ]


def copy(tracks, out, numbers=None, **options):
    chosen = np.arange(len(tracks)) if numbers is None else np.array(numbers, int)
    copy_clips([Part(tracks, chosen, every=options.pop("every", 1))], out, tracks.provenance, **options)
    return PoseShards.open(out)


def test_chosen_clips_are_the_same_to_the_bit(write, tmp_path):
    tracks = write(*many())
    with copy(tracks, tmp_path / "out.h5", [7, 3, 30]) as found:
        assert list(found) == [list(tracks)[number] for number in (7, 3, 30)]
        for place, number in enumerate((7, 3, 30)):
            assert found.stored(place).payload() == tracks.stored(number).payload()
            np.testing.assert_equal(found.info(place), tracks.info(number))
        assert not [finding for finding in validate(found) if finding.kind == "error"]
        assert found.provenance.differences(tracks.provenance) == []


def test_shards_and_one_file_are_the_same_data(write, tmp_path):
    tracks = write(*many())
    with copy(tracks, tmp_path / "many.h5", shard_clips=7) as sharded:
        assert [entry.clips for entry in sharded.shards] == [7, 7, 7, 7, 7, 5]
        assert sharded.damaged_shards() == []
        assert sharded.fingerprint == tracks.fingerprint
        with copy(sharded, tmp_path / "one.h5") as one:
            assert one.fingerprint == tracks.fingerprint
            assert not one.shards
    with copy(tracks, tmp_path / "again.h5"):
        assert (tmp_path / "again.h5").read_bytes() == (tmp_path / "one.h5").read_bytes()


def test_every_third_frame(write, tmp_path):
    outside = make_track("far", 9)
    outside.keypoints[4, 5], outside.confidence[4, 5] = (5000, 5000), 1
    outside.keypoints[3, 6], outside.confidence[3, 6] = (5000, 5000), 1
    tracks = write(outside, *many(3))
    assert tracks.column("clamped")[0] == 2
    with copy(tracks, tmp_path / "out.h5", every=3) as found:
        for before, after in zip(tracks.values(), found.values(), strict=True):
            np.testing.assert_array_equal(after.keypoints, before.keypoints[::3])
            np.testing.assert_array_equal(after.frame_index, before.frame_index[::3])
            np.testing.assert_array_equal(after.time, before.time[::3])
            np.testing.assert_array_equal(after.box, before.box[::3])
        assert found.column("clamped").tolist() == [1, 0, 0, 0]
        assert found.damaged_clips() == []


def test_nothing_that_is_there_is_harmed(write, tmp_path):
    tracks = write(*many())
    before = (tmp_path / "in.h5").read_bytes()
    with pytest.raises(DataError, match="is also an input"):
        copy(tracks, tmp_path / "in.h5", overwrite=True)
    with copy(tracks, tmp_path / "many.h5", shard_clips=20) as sharded:
        with pytest.raises(DataError, match="is also an input"):
            copy(sharded, tmp_path / "many-00001.h5", overwrite=True)
        with pytest.raises(DataError, match=r"many-00000\.h5 already exists"):
            copy(tracks, tmp_path / "many.h5", shard_clips=30, overwrite=True)
        assert sharded.fingerprint == tracks.fingerprint
    (tmp_path / "mine.h5").write_text("mine")
    with pytest.raises(DataError, match="already exists"):
        copy(tracks, tmp_path / "mine.h5")
    with pytest.raises(DataError, match="no clip matches the filters"):
        copy(tracks, tmp_path / "new.h5", [])
    assert (tmp_path / "in.h5").read_bytes() == before
    assert (tmp_path / "mine.h5").read_text() == "mine"
    assert not (tmp_path / "new.h5").exists()


@pytest.mark.parametrize("shard_clips", [None, 10])
def test_a_damaged_clip_is_never_given_a_fresh_checksum(write, tmp_path, shard_clips):
    tracks = write(*many())
    content = bytearray((tmp_path / "in.h5").read_bytes())
    content[content.index(tracks.stored(25).positions.tobytes())] ^= 1
    (tmp_path / "in.h5").write_bytes(content)
    with PoseShards.open(tmp_path / "in.h5") as damaged:
        with pytest.raises(DataError, match="does not match its checksum"):
            copy(damaged, tmp_path / "out.h5", shard_clips=shard_clips)
        assert [path.name for path in tmp_path.iterdir()] == ["in.h5"]
        with copy(damaged, tmp_path / "out.h5", [24, 26]) as found:
            assert len(found) == 2


def merged(tmp_path, datasets, **options):
    plan = merge(datasets, **options)
    copy_clips(plan.parts, tmp_path / "out.h5", plan.provenance)
    return plan, PoseShards.open(tmp_path / "out.h5")


def test_files_whose_classes_agree_keep_their_numbers(write, tmp_path):
    one = write(make_track("a", corpus="wlasl", gloss="book", label=0), make_track("b", label=7), name="1.h5")
    two = write(make_track("c", corpus="wlasl", gloss="tea", label=1), name="2.h5", notes={"size": "assumed"})
    plan, found = merged(tmp_path, [one, two])
    with found:
        assert list(found) == ["a", "b", "c"]
        assert found.column("label").tolist() == [0, 7, 1]
        assert plan.renumbered == []
        assert found.provenance.notes == {"size": "assumed"}


def test_glosses_that_were_numbered_apart_are_numbered_together(write, tmp_path):
    one = write(
        make_track("a", corpus="folder", gloss="tea", label=0),
        make_track("b", corpus="folder", gloss="yes", label=1),
        make_track("n", corpus="folder"),
        name="1.h5",
    )
    two = write(make_track("c", corpus="folder", gloss="book", label=0), name="2.h5")
    plan, found = merged(tmp_path, [one, two])
    with found:
        assert plan.renumbered == ["folder"]
        assert dict(zip(found, found.column("label").tolist(), strict=True)) == {
            "a": 1,
            "b": 2,
            "n": -1,
            "c": 0,
        }
        assert found.stored(3).payload() == two.stored(0).payload()


def test_what_cannot_be_merged_is_refused(write, tmp_path):
    one = write(make_track("a", corpus="wlasl", gloss="tea", label=0), name="1.h5")
    two = write(make_track("b", corpus="wlasl", gloss="book", label=0), name="2.h5")
    with pytest.raises(DataError, match=r"class 0 of 'wlasl' is 'tea' in .*1\.h5 and 'book' in .*2\.h5"):
        merge([one, two])
    nameless = write(
        make_track("a", corpus="f", gloss="tea", label=0), make_track("z", corpus="f", label=3), name="3.h5"
    )
    other = write(make_track("b", corpus="f", gloss="book", label=0), name="4.h5")
    with pytest.raises(DataError, match="some of its classes have no gloss"):
        merge([nameless, other])
    with pytest.raises(DataError, match=r"the clip 'a' is in .*1\.h5 and in .*3\.h5"):
        merge([one, nameless])
    thinner = write(make_track("q"), name="5.h5", sampling=Sampling(every=2))
    with pytest.raises(DataError, match="sampling every: 1 / 2"):
        merge([one, thinner])


def test_a_number_without_a_gloss_is_not_given_to_another_file_s_gloss(write):
    nameless = write(make_track("a", corpus="f", label=3), name="1.h5")
    named = write(make_track("b", corpus="f", gloss="book", label=3), name="2.h5")
    with pytest.raises(DataError, match="some of its classes have no gloss"):
        merge([nameless, named])


def test_merged_clips_have_the_classes_that_they_had_apart(write, tmp_path):
    signs = ("drink", "eat", "love", "no")
    one = write(*(make_track(g, corpus="folder", gloss=g, label=n) for n, g in enumerate(signs)), name="1.h5")
    others = [make_track(f"t/{g}", corpus="folder", gloss=g, label=n) for n, g in enumerate(signs[1:])]
    two = write(*others, make_track("w", corpus="wlasl", gloss="book"), name="2.h5")
    three = write(make_track("v", corpus="wlasl", gloss="book", label=0), name="3.h5")
    apart = PoseDataset([one, two, three])
    plan, found = merged(tmp_path, [one, two, three])
    assert plan.renumbered == ["folder"]
    with found:
        together = PoseDataset([found])
        for dataset in (apart, together):
            classes, places = dataset.classes()
            keys = [classes[place].key for place in places]
            assert keys == [("folder", g) for g in (*signs, *signs[1:])] + [("wlasl", 0)] * 2
        assert found.column("label").tolist() == [0, 1, 2, 3, 1, 2, 3, 0, 0]


def test_a_gloss_in_two_corpora_is_said(write):
    one = write(make_track("a", corpus="folder", gloss="tea", label=0), name="1.h5")
    two = write(
        make_track("b", corpus="csv", gloss="tea", label=0),
        make_track("c", corpus="csv", gloss="yes", label=1),
        name="2.h5",
    )
    (note,) = merge([one, two]).notes
    assert (
        note == "1 gloss is a separate class in each of several corpora, such as 'tea' in 'csv' and 'folder'"
    )
    assert (
        merge([one, write(make_track("d", corpus="folder", gloss="yes", label=1), name="3.h5")]).notes == []
    )


def test_a_prefix_keeps_equal_ids_apart(write, tmp_path):
    one, two = write(make_track("a", 2), name="1.h5"), write(make_track("a", 3), name="2.h5")
    with merged(tmp_path, [one, two], prefix=True)[1] as found:
        assert list(found) == ["1/a", "2/a"]
        assert found.lengths.tolist() == [2, 3]


def test_fewer_clips_of_each_class_and_split(write):
    tracks = write(
        *many(40),
        *(replace_id(track, "t") for track in many(20, split="test")),
        make_track("n"),
        make_track("m"),
    )
    classes = list(zip(tracks.column("label").tolist(), tracks.column("split").tolist(), strict=True))
    everything = np.ones(len(tracks), bool)
    three = subsample(tracks, everything, per_class=3)
    chosen = Counter(pair for pair, kept in zip(classes, three, strict=True) if kept)
    assert chosen == {pair: min(3, count) for pair, count in Counter(classes).items()}
    two = subsample(tracks, everything, per_class=2)
    assert (three | two == three).all(), "the smaller choice is part of the larger one"
    assert (subsample(tracks, everything, per_class=3) == three).all()
    assert (subsample(tracks, everything, per_class=3, seed=1) != three).any()
    half = subsample(tracks, everything, share=0.5)
    assert Counter(pair for pair, kept in zip(classes, half, strict=True) if kept) == {
        pair: -(-count // 2) for pair, count in Counter(classes).items()
    }
    only_train = subsample(tracks, tracks.column("split") == "train", per_class=1)
    assert only_train.sum() == 4 + 20 + 2


def replace_id(track, prefix):
    return replace(track, info=replace(track.info, id=f"{prefix}{track.info.id}"))
