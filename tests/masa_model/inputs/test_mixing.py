"""Shares of corpora in an epoch: exact, the same for the same seed, and fair to every clip."""

from collections import Counter

import numpy as np
import pytest

from masa_data import PoseDataset
from masa_data.errors import DataError
from masa_data.shards.quantize import quantize
from masa_data.shards.writer import write_shard
from masa_model.inputs.mixing import mixture_of
from masa_model.inputs.sources import epoch_batches
from masa_model.settings.mix import parse_mix
from masa_model.settings.pretrain import PretrainSettings
from masa_model.settings.resolve import resolve_settings
from tests.conftest import make_track

SIZES = {"wlasl": 40, "asl-citizen": 10, "folder": 5}


@pytest.fixture
def clips(tmp_path, provenance):
    """40 clips of WLASL, 10 of ASL Citizen, 5 of a folder."""
    tracks = [
        make_track(f"{corpus}{number}", 2, corpus=corpus, label=0, gloss="book")
        for corpus, count in SIZES.items()
        for number in range(count)
    ]
    write_shard(tmp_path / "a.h5", provenance, map(quantize, tracks), 2 * len(tracks))
    return PoseDataset.open(tmp_path / "a.h5")


def used(clips, mix, epochs, batch=5):
    """How often each clip is used in so many epochs, and how many clips of each corpus."""
    mixture = mixture_of(clips, mix)
    orders = [np.concatenate(epoch_batches(mixture, batch, 3, epoch)) for epoch in range(epochs)]
    corpora = clips.column("corpus")
    return Counter(np.concatenate(orders).tolist()), [Counter(corpora[order].tolist()) for order in orders]


@pytest.mark.parametrize(
    ("mix", "expected"),
    [
        ("wlasl=1,asl-citizen=1,folder=0.2", {"wlasl": 25, "asl-citizen": 25, "folder": 5}),
        ("wlasl=1, ASL_Citizen=0.5, folder=0.5", {"wlasl": 27, "asl-citizen": 14, "folder": 14}),
        ("temperature=1", SIZES),
        ("temperature=1e9", {"wlasl": 19, "asl-citizen": 18, "folder": 18}),
        # The roots of 40, 10 and 5 are as 6.32 to 3.16 to 2.24; of 55 clips this is 29.7, 14.8 and 10.5.
        ("temperature=2", {"wlasl": 30, "asl-citizen": 15, "folder": 10}),
    ],
)
def test_an_epoch_has_the_shares(clips, mix, expected):
    _, counts = used(clips, mix, 4)
    assert all(sum(count.values()) == 55 for count in counts)
    for count in counts:
        assert all(abs(count[name] - number) <= 1 for name, number in expected.items())
    assert counts == [counts[0]] * 4


def test_every_clip_of_a_corpus_is_used_equally_often(clips):
    often, _ = used(clips, "wlasl=1,asl-citizen=1,folder=1", 7)
    corpora = clips.column("corpus")
    for corpus in SIZES:
        times = [often[number] for number in np.flatnonzero(corpora == corpus)]
        assert max(times) - min(times) <= 1, corpus


def test_an_epoch_depends_on_seed_and_number_only_and_is_shared_by_processes(clips):
    mixture = mixture_of(clips, "temperature=3")
    again = mixture_of(clips, "temperature=3")
    np.testing.assert_array_equal(mixture.order(1, 5), again.order(1, 5))
    assert not np.array_equal(mixture.order(1, 5), mixture.order(1, 6))
    assert not np.array_equal(mixture.order(1, 5), mixture.order(2, 5))
    whole = epoch_batches(mixture, 12, 0, 0)
    parts = [epoch_batches(mixture, 12, 0, 0, part, 3) for part in range(3)]
    for step, batch in enumerate(whole):
        np.testing.assert_array_equal(np.concatenate([part[step] for part in parts]), batch)


def test_without_a_mixture_nothing_changes(clips):
    assert mixture_of(clips, "") is None
    assert sorted(np.concatenate(epoch_batches(55, 5, 0, 0)).tolist()) == list(range(55))


@pytest.mark.parametrize(
    ("mix", "expected"),
    [
        (
            "wlasl=1,autsl=1,folder=1,asl-citizen=1",
            "found a share of 'autsl' in data.mix; the training clips are",
        ),
        ("wlasl=1,folder=1", "found no share of 'asl-citizen' in data.mix"),
    ],
)
def test_a_wrong_name_costs_one_line(clips, mix, expected):
    with pytest.raises(DataError, match=expected):
        mixture_of(clips, mix)


@pytest.mark.parametrize(
    "text", ["wlasl", "wlasl=0", "wlasl=-1", "wlasl=x", "=1", "a=1,a=2", "a=inf", "a=nan", ","]
)
def test_a_wrong_text_costs_one_line(text):
    with pytest.raises(ValueError, match="expected shares above 0"):
        parse_mix(text)
    with pytest.raises(DataError, match=r"data\.mix") as caught:
        resolve_settings(PretrainSettings, options={"data": {"mix": text}})
    assert "\n" not in str(caught.value)


def test_the_setting_can_be_assigned():
    settings = resolve_settings(PretrainSettings, assignments=["data.mix=wlasl=1,autsl=2"])
    assert parse_mix(settings.data.mix).shares == {"wlasl": 1, "autsl": 2}
