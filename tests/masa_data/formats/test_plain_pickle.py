"""Pickles from strangers: arrays come out as they went in, and nothing in a pickle ever runs."""

import builtins
import collections
import functools
import os
import pickle
import pickletools
import subprocess
import sys
from contextlib import suppress
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

import numpy as np
import pytest

from masa_data.errors import DataError
from masa_data.formats.untrusted.plain_pickle import read_plain_pickle

ARRAYS = [
    np.arange(2 * 133 * 3, dtype=np.float64).reshape(2, 133, 3),
    np.asfortranarray(np.arange(12, dtype=">f4").reshape(3, 4)),
    np.arange(6, dtype=np.int16)[::2],
    np.zeros((0, 3), np.float32),
    np.array([True, False]),
]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype}{array.shape}")
def test_arrays_come_out_as_they_went_in(tmp_path, array, protocol):
    path = tmp_path / "a.pkl"
    content = {"keypoints": array, "img_list": ["a.jpg", "ü.jpg"], "n": [1, 2.5, None, True, (1, b"x")]}
    path.write_bytes(pickle.dumps(content, protocol))
    found = read_plain_pickle(path)
    np.testing.assert_array_equal(found.pop("keypoints"), array)
    assert found == {key: value for key, value in content.items() if key != "keypoints"}


def test_numpy_1_and_2_names_are_both_understood(tmp_path):
    path = tmp_path / "a.pkl"
    data = pickle.dumps(ARRAYS[0], 2)
    one, two = (f"cnumpy.{core}.multiarray\n".encode() for core in ("core", "_core"))
    assert (one in data) != (two in data)
    for name in (one, two):
        path.write_bytes(data.replace(one, name).replace(two, name))
        np.testing.assert_array_equal(read_plain_pickle(path), ARRAYS[0])


def test_scalars_of_numpy(tmp_path):
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps({"fps": np.float32(25)}))
    assert read_plain_pickle(path) == {"fps": 25.0}


def plain(value):
    """What the reader makes of types that it has no use for: sets become lists, paths texts."""
    if isinstance(value, dict):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, PurePath):
        return str(value)
    return type(value)(map(plain, value)) if isinstance(value, (list, tuple)) else value


PLAIN = {
    "OrderedDict": collections.OrderedDict([("b", 1), ("a", collections.OrderedDict())]),
    "defaultdict": collections.defaultdict(list, a=[1]),
    "defaultdict of dicts": collections.defaultdict(dict, a={"b": None}),
    "set": {"ids": {3, 1, 2}},
    "frozenset": {"ids": frozenset({"b", "a"})},
    "empty set": [set()],
    "np.str_": {np.str_("a"): [np.str_("zwölf"), np.str_("手")]},
    "paths": [PurePosixPath("/a/b.jpg"), Path("c"), PureWindowsPath("C:/d/e")],
}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", PLAIN)
def test_plain_types_that_people_use_are_read(tmp_path, name, protocol):
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps(PLAIN[name], protocol))
    found = read_plain_pickle(path)
    if "set" in name and name != "empty set":
        found["ids"].sort()
    assert found == plain(PLAIN[name])


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_of_texts_are_read(tmp_path, protocol):
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps({"gloss": np.array(["book", "手"]), "one": np.str_("a")}, protocol))
    found = read_plain_pickle(path)
    assert found["gloss"].tolist() == ["book", "手"]
    assert found["one"] == "a"


class Calls:
    """Pickles as a call of anything."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def attacks(sentinel):
    """Pickles that make a file, or would read one, or that corrupt memory, if they were unpickled."""
    touch = f"touch {sentinel}"
    python = f"__import__('os').mkdir({str(sentinel)!r})"
    array = np.arange(3.0)
    good = pickle.dumps(array, 2)
    return {
        "os.system": pickle.dumps(Calls(os.system, touch)),
        "os.system, protocol 0": pickle.dumps(Calls(os.system, touch), 0),
        "popen": pickle.dumps(Calls(subprocess.Popen, ["touch", str(sentinel)])),
        "eval": pickle.dumps(Calls(builtins.eval, python)),
        "exec": pickle.dumps(Calls(builtins.exec, python)),
        "open": pickle.dumps(Calls(builtins.open, str(sentinel), "w")),
        "a name that is not called": b"cos\nsystem\n.",
        "partial": pickle.dumps(functools.partial(os.system, touch)),
        "in a dict with arrays": pickle.dumps({"keypoints": array, "img_list": [Calls(os.system, touch)]}),
        "instruction INST": b"(S'" + touch.encode() + b"'\nios\nsystem\n.",
        "instruction OBJ": b"(cos\nsystem\nS'" + touch.encode() + b"'\no.",
        "stack global": b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x05touch\x85R.",
        "dotted name": b"\x80\x04\x8c\x05numpy\x8c\x09os.system\x93\x8c\x05touch\x85R.",
        "np.load": pickle.dumps(Calls(np.load, "/etc/passwd")),
        "np.fromfile": pickle.dumps(Calls(np.fromfile, "/etc/passwd")),
        "np.memmap": b"cnumpy\nmemmap\n(S'/etc/passwd'\ntR.",
        "numpy runs text": b"cnumpy.testing._private.utils\nrunstring\n(V" + python.encode() + b"\n}tR.",
        "array of objects": pickle.dumps(np.array([Calls(os.system, touch)], dtype=object)),
        "array of plain objects": pickle.dumps(np.array([None], dtype=object)),
        "dtype with fields": pickle.dumps(np.zeros(2, [("a", "f4"), ("b", "O")])),
        "class of arrays": pickle.dumps(np.ma.masked_array([1.0])),
        "ordered dict of pairs": b"ccollections\nOrderedDict\n((lp0\n(S'a'\nI1\ntp1\natR.",
        "default of a call": b"ccollections\ndefaultdict\n(cos\nsystem\ntR.",
        "counter": pickle.dumps(collections.Counter("abc")),
        "extension code": b"\x80\x02\x82\x01.",
        "persistent id": b"Pos.system\n.",
        "state on a name": b"cnumpy\nndarray\n}S'__new__'\nI1\nsb.",
        "out-of-band buffer": b"\x80\x05\x97.",
        "set of a number": b"c__builtin__\nset\n(I7\ntR.",
        "path of no texts": b"cpathlib\nPosixPath\n(I7\ntR.",
        "path again and again": b"\x80\x02X\x10\x27\x00\x00" + b"a" * 10_000 + b"q\x00"
        + b"cpathlib\nPosixPath\nq\x01h\x00\x85R" * 1000 + b".",
        "keys that are no texts": pickle.dumps({((1, 2), 3): 4}),
        "shape of billions": good.replace(b"K\x03\x85", b"\x8a\x05\x00\x00\x00\x00\x7f\x85"),
        "negative shape": good.replace(b"K\x03\x85", b"J\xff\xff\xff\xff\x85"),
        "memo of billions": b"\x80\x02Nr\xff\xff\xff\xffh\x01.",
        "text of billions": b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x00.",
        "number of billions of digits": b"I" + b"9" * 10_000 + b"\n.",
        "bytes again and again": b"\x80\x02X\x10\x27\x00\x00" + b"a" * 10_000 + b"q\x00"
        + b"c_codecs\nencode\nq\x01h\x00X\x06\x00\x00\x00latin1\x86R" * 1000 + b".",
        "nothing": b"",
        "half": good[: len(good) // 2],
        "no pickle": b"hello",
        "marks missing": b"\x80\x02t.",
        "tuple of nothing": b"\x80\x02\x87.",
        "bytes of billions": b"c__builtin__\nbytes\n(I99999999999\ntR.",
        "stack empty": b"\x80\x02R.",
    }  # fmt: skip


@pytest.mark.parametrize("name", attacks(""))
def test_nothing_runs_and_one_line_says_why(tmp_path, name):
    sentinel = tmp_path / "sentinel"
    path = tmp_path / "evil.pkl"
    path.write_bytes(attacks(sentinel)[name])
    before = set(sys.modules)
    with pytest.raises(DataError) as error:
        read_plain_pickle(path)
    assert not sentinel.exists()
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 300
    assert set(sys.modules) == before


@pytest.mark.parametrize("name", ["os.system", "eval", "exec", "in a dict with arrays", "array of objects"])
def test_these_attacks_do_run_where_pickle_is_trusted(tmp_path, name):
    """Otherwise the test above would prove nothing."""
    sentinel = tmp_path / "sentinel"
    pickle.loads(attacks(sentinel)[name])
    assert sentinel.exists()


def test_the_name_found_is_told(tmp_path):
    path = tmp_path / "evil.pkl"
    path.write_bytes(pickle.dumps(Calls(os.system, "true")))
    with pytest.raises(DataError, match=r"found '?(posix|nt)\.system'"):
        read_plain_pickle(path)


def test_every_cut_and_many_flips_raise_nothing_else(tmp_path):
    path = tmp_path / "a.pkl"
    data = pickletools.optimize(pickle.dumps({"keypoints": ARRAYS[2], "img_list": ["a"]}))
    rng = np.random.default_rng(0)
    broken = [data[:end] for end in range(len(data))]
    for _ in range(500):
        flipped = bytearray(data)
        flipped[rng.integers(len(data))] ^= int(rng.integers(1, 256))
        broken.append(bytes(flipped))
    for content in broken:
        path.write_bytes(content)
        with suppress(DataError):  # a flip in a number is no error
            read_plain_pickle(path)
