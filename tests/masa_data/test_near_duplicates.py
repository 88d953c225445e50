"""Copies of a clip are found, other takes are not; the search finds what comparing all pairs finds."""

import numpy as np
import pytest

from masa_data.analysis.near_duplicates import HALF_WITHIN, MOST_WITHIN, describe, find_near_duplicates
from masa_data.shards.reader import PoseShards
from tests.made_signer import clip, signing


def search(tracks, splits):
    return find_near_duplicates(np.stack([describe(track) for track in tracks]), np.array(splits, object))


def copy_of(points, scale=0.5, shift=(100, 20), noise=0.5, seed=1):
    """The same recording at another size and place, estimated again."""
    return points * scale + shift + np.random.default_rng(seed).normal(0, noise * scale, points.shape)


def test_a_copy_at_another_size_is_found_in_the_other_split():
    points = signing(seed=0)
    tracks = [clip(points), clip(signing(seed=5)), clip(copy_of(points))]
    found = search(tracks, ["train", "train", "test"])
    assert found.partner.tolist() == [2, -1, 0]
    assert found.likeness[1] == 0
    assert 0.5 <= found.likeness[0] == found.likeness[2] < 1


def test_a_copy_with_other_frame_rate_is_found():
    found = search([clip(signing(60)), clip(signing(30))], ["train", "val"])
    assert found.partner.tolist() == [1, 0]


@pytest.mark.parametrize("splits", [["train", "train"], ["", "test"], ["", ""]])
def test_only_clips_of_different_splits_are_compared(splits):
    points = signing()
    assert search([clip(points), clip(copy_of(points))], splits).partner.tolist() == [-1, -1]


def test_what_stands_still_is_never_a_duplicate():
    still = signing(size=0)
    assert search([clip(still), clip(still)], ["train", "test"]).partner.tolist() == [-1, -1]


def test_another_take_is_no_duplicate():
    points = signing()
    other = points + 12 * np.sin(np.arange(30) / 3)[:, None, None] * (np.arange(49) > 4)[:, None]
    assert search([clip(points), clip(other)], ["train", "test"]).partner.tolist() == [-1, -1]


def test_hands_that_were_missed_in_some_frames_do_not_hide_a_copy():
    points = signing()
    missing = np.zeros((30, 49), bool)
    missing[::3, 7:28] = True
    found = search([clip(points), clip(copy_of(points), missing=missing)], ["train", "test"])
    assert found.partner.tolist() == [1, 0]


def test_clips_in_which_nobody_was_found_are_left_alone():
    nobody = clip(signing(), missing=np.ones((30, 49), bool))
    assert search([nobody, nobody], ["train", "test"]).partner.tolist() == [-1, -1]


def test_the_nearest_of_several_copies_is_the_partner():
    points = signing()
    tracks = [clip(copy_of(points, noise=2)), clip(points), clip(copy_of(points, noise=0.1))]
    assert search(tracks, ["train", "test", "val"]).partner.tolist()[1] == 2


def test_the_search_finds_what_comparing_all_pairs_finds():
    takes = [signing(seed=seed) for seed in range(12)]
    copies = [copy_of(take, noise=noise, seed=3) for noise in (0.3, 1, 2, 3) for take in takes]
    tracks = [clip(points) for points in (*takes, *copies)]
    splits = ["train"] * 12 + ["test"] * 24 + ["val"] * 24
    found = search(tracks, splits)
    descriptions = [describe(track) for track in tracks]
    for number, (own, split) in enumerate(zip(descriptions, splits, strict=True)):
        best, at = np.inf, -1
        for place, (other, its) in enumerate(zip(descriptions, splits, strict=True)):
            apart = np.linalg.norm(own - other, axis=2)
            half, most = np.sort(apart.ravel())[[152, 228]]
            near = split != its and half <= HALF_WITHIN and most <= MOST_WITHIN
            if near and half < best:
                best, at = half, place
        assert found.partner[number] == at
    assert 20 < (found.partner >= 0).sum() < 60


@pytest.mark.slow
def test_real_takes_are_rarely_called_copies_and_real_copies_are_found(shared_data, tmp_path, run):
    """9,703 clips by a few signers, among which no copies are known; then some of them again, smaller."""
    out = tmp_path / "signs.h5"
    source = shared_data / "keypoints_signs"
    run("masa-convert", "npz", *sorted(source.glob("*.npz")), out, "--size", "640x480", "--fps", 30)
    with PoseShards.open(out) as tracks:
        descriptions = np.stack([describe(tracks.track(number)) for number in range(len(tracks))])
        splits = tracks.column("split")
        chosen = np.flatnonzero(splits == "train")[::100]
        copies = [
            describe(clip(copy_of(tracks.track(int(n)).keypoints, seed=int(n)), width=320, height=240))
            for n in chosen
        ]
    found = find_near_duplicates(descriptions, splits)
    assert (found.partner >= 0).sum() <= 20
    leaked = find_near_duplicates(
        np.concatenate([descriptions, copies]),
        np.concatenate([splits, np.full(len(copies), "test", object)]),
    )
    partners = leaked.partner[len(splits) :]
    body = descriptions[chosen][:, :, :5]
    moving = np.sqrt(np.nan_to_num(body).var(axis=1).sum(axis=2).mean(axis=1)) > 0.11
    assert moving.sum() > 10
    assert (partners[moving] == chosen[moving]).mean() > 0.9
