"""Who of several people in the frames is taken for the signer."""

import numpy as np

from masa_data.exchange.signer import Person, choose_signer


def person(x, *, wrist=0.0, score=0.9, height=200.0):
    """Somebody at x whose wrists are moved by `wrist` pixels."""
    keypoints = np.full((133, 2), (x + 50, 100.0))
    keypoints[[9, 10]] += wrist
    return Person(keypoints, np.full(133, score), (x, 0.0, x + 100.0, height))


def test_who_moves_the_hands_wins_over_who_stands_still_in_any_order():
    frames = []
    for number in range(20):
        signer, other = person(0, wrist=30 * (number % 2)), person(300)
        frames.append([signer, other] if number % 3 else [other, signer])
    assert all(found.box[0] == 0 for found in choose_signer(frames))


def test_who_walks_by_does_not_win():
    frames = [[person(0, wrist=20 * (number % 2)), person(150 + 20 * number)] for number in range(20)]
    assert all(found.box[0] == 0 for found in choose_signer(frames))


def test_who_waves_once_does_not_win_over_who_signs_all_along():
    frames = [[person(0, wrist=20 * (number % 2))] for number in range(30)]
    for number in (10, 11):
        frames[number].insert(0, person(300, wrist=60 * (number % 2)))
    assert all(found.box[0] == 0 for found in choose_signer(frames))


def test_a_signer_who_is_lost_for_some_frames_is_found_again():
    frames = [[person(0, wrist=20 * (number % 2))] for number in range(20)]
    frames[5] = frames[6] = []
    found = choose_signer(frames)
    assert [number for number, one in enumerate(found) if one is None] == [5, 6]


def test_nobody_at_all():
    assert choose_signer([[], []]) == [None, None]
    assert choose_signer([]) == []


def test_boxes_without_area_do_no_harm():
    flat = person(0)._replace(box=(0.0, 0.0, 0.0, 0.0))
    assert choose_signer([[flat], [flat]])[0] is flat
