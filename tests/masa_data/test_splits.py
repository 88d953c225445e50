from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from masa_data import ClipInfo, DataError
from masa_data.classes.splits import assign_splits, number_glosses
from masa_data.tracks.provenance import SplitRule

RANDOM = SplitRule(by="random", seed=0)
SIGNER = SplitRule(by="signer", seed=0)


def clip(clip_id, gloss="", **facts):
    return ClipInfo(clip_id, clip_id, "folder", gloss, width=1, height=1, **facts)


def many(glosses, clips, signers=1):
    return [
        clip(f"{gloss}/{number}", f"gloss{gloss}", signer=f"s{number % signers}")
        for gloss in range(glosses)
        for number in range(clips)
    ]


@given(glosses=st.integers(1, 30), clips=st.integers(3, 20), seed=st.integers(0, 5))
def test_random_deals_70_10_20_within_one_clip_and_every_gloss_can_be_trained(glosses, clips, seed):
    dealt = assign_splits(many(glosses, clips), SplitRule(by="random", seed=seed))
    counts = Counter(info.split for info in dealt)
    total = glosses * clips
    for split, share in {"train": 0.7, "val": 0.1, "test": 0.2}.items():
        assert abs(counts[split] - share * total) <= 1 + 1e-9
    assert {info.gloss for info in dealt if info.split == "train"} == {info.gloss for info in dealt}


def test_the_deal_depends_on_the_seed_and_not_on_the_order():
    clips = many(5, 10)
    by_id = {info.id: info.split for info in assign_splits(clips, RANDOM)}
    assert {info.id: info.split for info in assign_splits(clips[::-1], RANDOM)} == by_id
    assert {info.id: info.split for info in assign_splits(clips, SplitRule(by="random", seed=1))} != by_id


@given(signers=st.integers(2, 12), seed=st.integers(0, 5))
def test_no_signer_is_in_two_splits(signers, seed):
    dealt = assign_splits(many(4, 24, signers), SplitRule(by="signer", seed=seed))
    splits = defaultdict(set)
    for info in dealt:
        splits[info.signer].add(info.split)
    assert all(len(found) == 1 for found in splits.values())
    assert {"train"} < {split for found in splits.values() for split in found}


def test_signers_keep_their_split_when_clips_are_added():
    first = assign_splits(many(2, 12, 6), SIGNER)
    of_signer = {info.signer: info.split for info in first}
    added = [clip(f"new/{number}", "gloss0", signer=f"s{number % 8}") for number in range(40)]
    for info in assign_splits(added, SIGNER, first):
        assert info.split == of_signer.get(info.signer, info.split)


def test_a_split_that_is_given_is_kept():
    clips = [clip("a", "x", split="test"), *many(1, 5)]
    assert assign_splits(clips, RANDOM)[0].split == "test"


@pytest.mark.parametrize("clips", [many(2, 5, signers=1), [clip("a", "x"), clip("b", "y", signer="s")]])
def test_splitting_by_signer_needs_signers(clips):
    with pytest.raises(DataError, match="needs two or more signers"):
        assign_splits(clips, SIGNER)


def test_glosses_are_numbered_by_alphabet_and_keep_their_numbers():
    first = number_glosses([clip("1", "book"), clip("2", "apple"), clip("3"), clip("4", "book")])
    assert [info.label for info in first] == [1, 0, -1, 1]
    later = number_glosses([clip("5", "aardvark"), clip("6", "book")], first)
    assert [info.label for info in later] == [2, 1]


def test_labels_that_a_corpus_gives_are_kept_and_not_given_twice():
    numbered = number_glosses([clip("1", "book", label=7), clip("2", "apple"), clip("3", "book")])
    assert [info.label for info in numbered] == [7, 8, 7]
