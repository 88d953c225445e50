"""Who is learned from and who is tested: nobody is both, and pre-training sees no group that is left out."""

import numpy as np
import pytest
from pydantic import ValidationError

from masa_data import DataError
from masa_data.shards.several import open_each
from masa_model.settings.finetune import FinetuneSettings
from masa_model.settings.pretrain import PretrainSettings
from masa_model.studies.recipe import CellRecipe, LeftOut
from masa_model.studies.selection import cell_clips, group_names, pretraining_clips
from tests.masa_model.made_up_signs import GLOSSES, make_sign, write

SOURCES = ("ann", "ben", "cleo", "dora", "emil")


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    from masa_data.tracks.provenance import EstimatorIdentity, Provenance

    identity = EstimatorIdentity(
        name="made-up", version="1", settings={}, weights_sha256="0" * 64, confidence="none"
    )
    tracks = [
        make_sign(
            f"{source}/{split}/{label}/{take}",
            label,
            gloss=f"{source}:{GLOSSES[label]}",
            split=split,
            signer=source,
        )
        for source in SOURCES
        for split, takes in (("train", 3), ("val", 1), ("test", 2))
        for label in range(2)
        for take in range(takes)
    ]
    tracks.append(make_sign("ann/test/new", 2, gloss="ann:never learned", split="test", signer="ann"))
    return write(
        tmp_path_factory.mktemp("groups") / "signs.h5",
        Provenance(estimator=identity, tool_version="0"),
        tracks,
    )


def ids(clips) -> set[str]:
    return set(clips.column("id").astype(str).tolist())


@pytest.mark.parametrize(
    "left_out", [LeftOut(column="gloss", before=":", folds=3), LeftOut(column="signer", folds=3)]
)
def test_each_group_is_left_out_once_and_pre_training_sees_none_of_it(file, left_out):
    files = open_each([file])
    assert group_names(files, left_out) == list(SOURCES)
    tested: list[str] = []
    for fold in range(3):
        clips = cell_clips(files, CellRecipe(), FinetuneSettings(), left_out, fold)
        before = pretraining_clips(files, PretrainSettings(), left_out, fold)
        groups = {text.partition("/")[0] for text in ids(clips.tested.clips)}
        assert groups == {source for place, source in enumerate(SOURCES) if place % 3 == fold}
        for some in (clips.learned.train.clips, clips.learned.val.clips, clips.tested.clips):
            assert not ids(some) & ids(before.clips)
            assert {text.partition("/")[0] for text in ids(some)} == groups
        assert not ids(clips.tested.clips) & (ids(clips.learned.train.clips) | ids(clips.learned.val.clips))
        assert set(before.clips.column("split")) == {"train"}
        tested += sorted(groups)
    assert sorted(tested) == list(SOURCES)


def test_named_groups_are_left_out_together(file):
    files = open_each([file])
    left_out = LeftOut(column="signer", groups=("ben", "emil"))
    clips = cell_clips(files, CellRecipe(), FinetuneSettings(), left_out, 0)
    assert set(clips.tested.clips.column("signer")) == {"ben", "emil"}
    before = pretraining_clips(files, PretrainSettings(), left_out, 0)
    assert set(before.clips.column("signer")) == {"ann", "cleo", "dora"}
    with pytest.raises(DataError, match="no clip has the signer 'otto'"):
        cell_clips(files, CellRecipe(), FinetuneSettings(), LeftOut(column="signer", groups=("otto",)), 0)
    for wrong in ({"folds": 1}, {"folds": 2, "groups": ("ben",)}):
        with pytest.raises(ValidationError, match="either groups, or at least 2 folds"):
            LeftOut.model_validate({"column": "signer", **wrong})


def test_clips_of_classes_that_nobody_learned_are_counted_and_not_tested(file):
    clips = cell_clips(open_each([file]), CellRecipe(), FinetuneSettings(), None, 0)
    assert clips.unknown == 1
    assert "ann/test/new" not in ids(clips.tested.clips)
    assert len(clips.tested) == 5 * 2 * 2
    assert len(clips.learned.classes) == 10
    glosses = clips.tested.clips.column("gloss").astype(str)
    named = np.array(clips.learned.classes.glosses)
    np.testing.assert_array_equal(named[clips.tested.targets], glosses)


def test_the_seed_chooses_the_clips_and_shots_their_number(file):
    files = open_each([file])
    chosen = []
    for seed in range(4):
        settings = FinetuneSettings.model_validate({"seed": seed, "data": {"shots": 1}})
        clips = cell_clips(files, CellRecipe(), settings, None, 0)
        assert np.bincount(clips.learned.train.targets).tolist() == [1] * 10
        chosen.append(tuple(sorted(ids(clips.learned.train.clips))))
    assert len(set(chosen)) > 1


def test_one_signer_is_learned_from_and_another_is_tested(tmp_path, provenance):
    tracks = [
        make_sign(f"{split}/{label}/{take}", label, split=split, signer=f"s{take % 2}")
        for split in ("train", "test")
        for label in range(2)
        for take in range(4)
    ]
    files = open_each([write(tmp_path / "signs.h5", provenance, tracks)])
    cell = CellRecipe(train_signers=("s0",), test_signers=("s1",))
    clips = cell_clips(files, cell, FinetuneSettings(), None, 0)
    assert set(clips.learned.train.clips.column("signer")) == {"s0"}
    assert set(clips.tested.clips.column("signer")) == {"s1"}
    with pytest.raises(DataError, match="s7"):
        cell_clips(files, CellRecipe(test_signers=("s7",)), FinetuneSettings(), None, 0)


def test_signers_apart_are_two_halves_and_train_clips_of_the_other_half_are_tested(tmp_path, provenance):
    tracks = [
        make_sign(f"{split}/{signer}/{label}/{take}", label, split=split, signer=signer)
        for split in ("train", "test")
        for signer in ("s1", "s2", "s3", "s4", "s5", "")
        for label in range(2)
        for take in range(2)
    ]
    files = open_each([write(tmp_path / "signs.h5", provenance, tracks)])
    cell = CellRecipe(signers_apart=True, test=("train", "test"))
    clips = cell_clips(files, cell, FinetuneSettings(), None, 0)
    assert set(clips.learned.train.clips.column("signer")) == {"s1", "s3", "s5"}
    assert set(clips.tested.clips.column("signer")) == {"s2", "s4"}
    assert set(clips.tested.clips.column("split")) == {"train", "test"}
    assert len(clips.tested) == 2 * 2 * 2 * 2


def test_too_few_groups_and_too_few_classes_are_refused(file):
    files = open_each([file])
    with pytest.raises(DataError, match="5 groups by gloss, expected at least 6"):
        cell_clips(files, CellRecipe(), FinetuneSettings(), LeftOut(column="gloss", before=":", folds=6), 0)
    everything = LeftOut(column="corpus", folds=2)
    with pytest.raises(DataError, match="1 groups by corpus"):
        pretraining_clips(files, PretrainSettings(), everything, 0)
    with pytest.raises(DataError, match="no clip of split none"):
        cell_clips(files, CellRecipe(test=("none",)), FinetuneSettings(), None, 0)
