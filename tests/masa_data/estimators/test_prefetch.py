from __future__ import annotations

import threading

import pytest

from masa_data.estimators.prefetch import prefetched


def test_the_same_items_in_the_same_order():
    assert list(prefetched(range(100), 3)) == list(range(100))
    assert list(prefetched([], 3)) == []


def test_an_exception_comes_in_its_place():
    def items():
        yield 1
        raise ValueError("broken")

    found = prefetched(items(), 5)
    assert next(found) == 1
    with pytest.raises(ValueError, match="broken"):
        next(found)


def test_no_more_are_got_than_can_be_held():
    got = []

    def items():
        for number in range(100):
            got.append(number)
            yield number

    found = prefetched(items(), 2)
    next(found)
    threading.Event().wait(0.3)
    assert len(got) <= 5
    found.close()


def test_stopping_early_ends_the_thread():
    before = threading.active_count()
    found = prefetched(iter(int, 1), 2)  # without end
    next(found)
    found.close()
    assert threading.active_count() == before
