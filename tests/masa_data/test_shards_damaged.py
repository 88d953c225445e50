"""Files that are damaged, changed, foreign or hostile: refused in one line, and nothing outside is read."""

import ctypes
import hashlib
import json
import os
import resource
import struct
import time
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from masa_data import DataError, PoseShards
from masa_data.analysis.quality import validate
from masa_data.editing.copying import Part, copy_clips
from masa_data.shards.quantize import quantize
from masa_data.shards.version1 import Version1Reader
from masa_data.shards.writer import shard_entry, write_index, write_shard
from tests.conftest import assert_same_track, make_track
from tests.version1_files import write_version1, write_version1_index


@pytest.fixture(scope="module")
def version1():
    with Version1Reader() as reader:
        yield reader


@pytest.fixture
def tracks():
    return [
        make_track("book/1", 4, gloss="book", label=0, split="train", signer="Ann", source_sha256="ab" * 32),
        make_track("book/zwölf 12", 1, gloss="book", label=0, start=0, end=7, fps=float("nan")),
        make_track("läuft\nschnell", 9, corpus="csv", gloss="行く"),
    ]


@pytest.fixture
def old(tmp_path, provenance, tracks):
    return write_version1(tmp_path / "old.h5", provenance, list(map(quantize, tracks)))


@pytest.fixture
def new(tmp_path, provenance, tracks):
    write_shard(tmp_path / "new.h5", provenance, map(quantize, tracks), sum(map(len, tracks)))
    return tmp_path / "new.h5"


def refusal(path, version1):
    with pytest.raises(DataError) as caught:
        PoseShards.open(path, version1)
    text = str(caught.value)
    assert str(path) in text
    assert "\n" not in text
    assert len(text) < 700
    return text


def test_a_file_of_version_1_says_what_it_said(old, new, tracks, version1):
    with PoseShards.open(old, version1) as before, PoseShards.open(new) as after:
        assert before.provenance == after.provenance
        assert before.fingerprint == after.fingerprint
        for track in tracks:
            assert_same_track(before[track.info.id], track)
        assert [finding.kind for finding in validate(before)] == ["note"]
        assert "version 1" in validate(before)[0].text


def test_shards_of_version_1_behind_an_index_of_either_version(tmp_path, provenance, tracks, version1):
    entries = []
    for number, track in enumerate(tracks):
        path = write_version1(tmp_path / f"all-{number}.h5", provenance, [quantize(track)])
        entries.append(shard_entry(path, 1))
    write_version1_index(tmp_path / "all.h5", provenance, entries)
    write_index(tmp_path / "mixed.h5", provenance, entries)
    for name in ("all.h5", "mixed.h5"):
        with PoseShards.open(tmp_path / name, version1) as found:
            assert list(found) == [track.info.id for track in tracks]
            assert [finding.kind for finding in validate(found)] == ["note"]


def test_hdf5_libraries_read_what_this_package_reads(new, tracks):
    with PoseShards.open(new) as found, h5py.File(new) as file:
        for name, texts in (("id", found.column("id")), ("gloss", found.column("gloss"))):
            assert file[f"clips/{name}"].asstr()[:].tolist() == texts.tolist()
        for name in ("label", "fps", "width", "end", "crc32", "several_people"):
            np.testing.assert_array_equal(file[f"clips/{name}"][:], found.column(name))
        offsets = file["clips/offset"][:]
        for number in range(len(tracks)):
            stored = found.stored(number)
            for name in ("positions", "confidence", "frame_index", "time", "box"):
                rows = file[f"frames/{name}"][offsets[number] : offsets[number + 1]]
                np.testing.assert_array_equal(rows, getattr(stored, name))
        assert file.attrs["version"] == 2
        assert json.loads(file.attrs["provenance"]) == found.provenance.model_dump(mode="json")


def test_a_copy_of_a_file_of_version_1_is_of_the_present_version(old, tmp_path, version1):
    with PoseShards.open(old, version1) as tracks:
        copy_clips([Part(tracks, np.arange(len(tracks)))], tmp_path / "copy.h5", tracks.provenance)
        with PoseShards.open(tmp_path / "copy.h5") as copy:
            assert (tracks.versions, copy.versions) == ({1}, {2})
            assert copy.fingerprint == tracks.fingerprint
            assert validate(copy) == []


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"id": "caf\udce9/1"}, "not UTF-8"),
        ({"path": "v\udcff.mp4"}, "not UTF-8"),
        ({"gloss": "a\0b"}, "a NUL character"),
        ({"gloss": "g" * 4097}, "a text of 4,097 characters"),
    ],
)
def test_a_clip_whose_texts_no_file_can_hold_is_refused_before_any_work(facts, message):
    with pytest.raises(DataError, match=message):
        replace(make_track("a").info, **facts)


# Every column and the header, each with a change that HDF5 itself takes for a whole file.
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("clips/width", 641),
        ("clips/label", 7),
        ("clips/gloss", "boot"),
        ("clips/fps", 24.0),
        ("clips/split", "test"),
        ("clips/signer", "Bob"),
        ("clips/crc32", 5),
        ("clips/offset", 1),
    ],
)
def test_a_column_changed_with_an_hdf5_library_is_refused(new, name, value, version1):
    with h5py.File(new, "r+") as file:
        file[name][0] = value
        assert file[name][0] == (value.encode() if isinstance(value, str) else value)
    assert "changed after it was written" in refusal(new, version1)


def test_not_a_byte_can_be_changed_without_a_word(tmp_path, new, tracks, version1):
    whole = new.read_bytes()
    with PoseShards.open(new) as found:
        expected = [found.stored(number).payload() for number in range(len(found))]
    path = tmp_path / "changed.h5"
    refused = told = 0
    for position in np.linspace(0, len(whole) - 1, 400).astype(int):
        content = bytearray(whole)
        content[position] ^= 1 << (position % 8)
        path.write_bytes(content)
        try:
            found = PoseShards.open(path, version1)
        except DataError:
            refused += 1
            continue
        errors = [finding.text for finding in validate(found) if finding.kind == "error"]
        damaged = found.damaged_clips()
        assert errors == [f"clip {clip_id}: its checksum does not match" for clip_id in damaged]
        assert len(damaged) == 1
        for number, track in enumerate(tracks):
            if track.info.id in damaged:
                for read in (found.track, found.stored, lambda n, of=found.frames_of: of([n])):
                    with pytest.raises(DataError, match="does not match its checksum"):
                        read(number)
            else:
                assert found.stored(number).payload() == expected[number]
        told += 1
    assert refused > 100
    assert told > 20


def sealed(path: Path, change) -> None:
    """Change the header's JSON as somebody could who knows how the header is made."""
    content = path.read_bytes()
    room = int(content.split(b"\n")[0].split()[2])
    first, text = content[:room].split(b"\n")[:2]
    header = json.loads(text)
    changed = change(header)
    text = changed if isinstance(changed, bytes) else json.dumps(header).encode()
    head = (first + b"\n" + text + b"\n").ljust(room - 64, b"\0")
    path.write_bytes(head + hashlib.sha256(head).hexdigest().encode() + content[room:])


def set_in(*keys_and_value):
    *keys, last, value = keys_and_value

    def change(header):
        for key in keys:
            header = header[key]
        header[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_in("kind", "heap"), "kind: Input should be 'shard' or 'index'"),
        (set_in("kind", "index"), "lacks shards/name"),
        (set_in("keypoint_names", []), "another skeleton"),
        (set_in("provenance", {}), "its header cannot be read"),
        (set_in("provenance", "sampling", "every", "two"), "its header cannot be read"),
        (set_in("bytes", 1 << 50), "is truncated"),
        (set_in("bytes", 5), "was changed"),
        (set_in("sha256", ""), "changed after it was written"),
        (set_in("columns", {}), "lacks clips/offset|changed after"),
        (set_in("columns", "clips/gloss", "shape", [600_000_000]), "overlap or extend past its end"),
        (set_in("columns", "clips/gloss", "shape", [2, 2]), "expected texts|overlap"),
        (set_in("columns", "clips/gloss", "shape", [-3]), "has an invalid location"),
        (set_in("columns", "clips/gloss", "shape", [1] * 300), "has an invalid location"),
        (set_in("columns", "clips/gloss", "shape", [10**4000]), "overlap|cannot be read"),
        (set_in("columns", "clips/gloss", "dtype", "|O"), "has an invalid location"),
        (set_in("columns", "clips/gloss", "dtype", "|S99999"), "overlap or extend past its end"),
        (set_in("columns", "clips/gloss", "offset", -8), "overlap or extend past its end"),
        (set_in("columns", "clips/width", "dtype", "<f4"), "clips/width is <f4"),
        (set_in("columns", "frames/time", "offset", 0), "overlap or extend past its end"),
        (set_in("columns", "frames/time", "shape", [13]), "changed after|frames/time is"),
        (lambda header: b"[" * 4000, "its header cannot be read"),
        (lambda header: b"\xff", "its header cannot be read"),
        (lambda header: b"{}", "its header cannot be read"),
    ],
)
def test_a_header_that_lies_is_refused_though_its_checksum_is_right(new, change, message, version1):
    sealed(new, change)
    with pytest.raises(DataError, match=message):
        PoseShards.open(new, version1)
    refusal(new, version1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda whole: b"", "not an HDF5 file of pose shards"),
        (lambda whole: b"hello", "not an HDF5 file of pose shards"),
        (lambda whole: whole[:-4000], r"is truncated: it has \d\d,\d\d\d bytes, but its header declares"),
        (lambda whole: whole[:3000], "is truncated within its header"),
        (lambda whole: whole + b"\0", "was changed: it has"),
        (lambda whole: whole.replace(b"shards 2", b"shards 3", 1), "version 3, .* 1 and 2. Run `pip install"),
        (lambda whole: whole.replace(b"shards 2", b"shards 0", 1), "version 0, .* 1 and 2. No release wrote"),
        (lambda whole: whole.replace(b"2 8192", b"2 0001", 1), "is damaged: it declares a header of 1 bytes"),
        (lambda whole: whole.replace(b'"shard"', b'"shird"', 1), "its header does not match its checksum"),
        (lambda whole: whole[8192:], "version 2 without that version's header"),
    ],
)
def test_a_file_that_was_cut_or_is_another_is_refused(new, change, message, version1):
    new.write_bytes(change(new.read_bytes()))
    with pytest.raises(DataError, match=message):
        PoseShards.open(new, version1)
    refusal(new, version1)


def test_what_is_no_file_is_refused(tmp_path, version1):
    os.mkfifo(tmp_path / "pipe.h5")
    assert "is a pipe or device" in refusal(tmp_path / "pipe.h5", version1)
    assert "is a folder" in refusal(tmp_path, version1)
    assert "does not exist" in refusal(tmp_path / "none.h5", version1)


def set_attribute(name, value, dtype=None):
    def change(file: h5py.File, outside: Path) -> None:
        file.attrs.create(name, value, dtype=dtype)

    return change


def replace_dataset(name, values, **options):
    def change(file: h5py.File, outside: Path) -> None:
        del file[name]
        if values is not None:
            file.create_dataset(name, data=values, **options)

    return change


def huge(name, shape, dtype):
    """A dataset of which only the shape is written."""

    def change(file: h5py.File, outside: Path) -> None:
        del file[name]
        file.create_dataset(name, shape, dtype)

    return change


def link_out(file: h5py.File, outside: Path) -> None:
    del file["frames/time"]
    file["frames/time"] = h5py.ExternalLink(str(outside), "time")


def link_group_out(file: h5py.File, outside: Path) -> None:
    del file["frames"]
    file["frames"] = h5py.ExternalLink(str(outside), "/")


def link_softly(file: h5py.File, outside: Path) -> None:
    del file["frames/time"]
    file["other"] = h5py.ExternalLink(str(outside), "time")
    file["frames/time"] = h5py.SoftLink("/other")


def store_outside(file: h5py.File, outside: Path) -> None:
    del file["frames/time"]
    file.create_dataset("frames/time", (14,), "<f4", external=[(str(outside), 0, 56)])


def virtual(file: h5py.File, outside: Path) -> None:
    del file["frames/time"]
    layout = h5py.VirtualLayout((14,), "<f4", maxshape=(None,))
    layout[: h5py.h5s.UNLIMITED] = h5py.VirtualSource(str(outside), "time", (14,), "<f4", maxshape=(None,))[
        : h5py.h5s.UNLIMITED
    ]
    file.create_virtual_dataset("frames/time", layout)


def references(file: h5py.File, outside: Path) -> None:
    del file["clips/gloss"]
    file.create_dataset("clips/gloss", data=np.array([file["frames"].ref] * 3, h5py.ref_dtype))


TRICKS = [
    (set_attribute("format", "other"), "not of pose shards"),
    (set_attribute("version", 2), "version 2 without that version's header"),
    (set_attribute("version", 3), "version 3 .* Run `pip install --upgrade"),
    (set_attribute("version", 0), "version 0 .* No release wrote"),
    (set_attribute("version", "1"), "version '1' .* No release wrote"),
    (set_attribute("version", "9" * 9999), "version '9{19} "),
    (set_attribute("version", [1, 1]), "'version' is not a single value"),
    (set_attribute("format", ["masa-pose-shards"] * 2), "'format' is not a single value"),
    (set_attribute("kind", np.zeros(1000)), "'kind' is not a single value"),
    (set_attribute("kind", 1.5), "'kind' is neither a text nor a number"),
    (set_attribute("kind", "heap"), "kind 'heap'"),
    (set_attribute("keypoint_names", "[]"), "another skeleton"),
    (set_attribute("provenance", "{}"), "'provenance' cannot be read"),
    (set_attribute("provenance", 5), "'provenance' cannot be read"),
    (replace_dataset("clips/gloss", None), "lacks clips/gloss"),
    (replace_dataset("clips/gloss", np.array([b"abc"] * 3)), "expected a row of texts"),
    (replace_dataset("frames/confidence", np.zeros((14, 48), np.uint8)), r"expected \|u1 \(14, 49\)"),
    (replace_dataset("frames/time", np.zeros(14, "<f4"), chunks=(7,)), "not contiguous"),
    (
        replace_dataset("frames/time", np.zeros(1 << 20, "<f4"), chunks=(1 << 20,), compression="gzip"),
        "not contiguous",
    ),
    (replace_dataset("clips/offset", np.array([0, 4, 3, 14])), "does not grow"),
    (replace_dataset("clips/offset", np.array([0, 4, 5, 1 << 40])), "expected <u2"),
    (replace_dataset("clips/offset", np.array([0, 1 << 62, -(1 << 62), 14])), "does not grow"),
    (replace_dataset("clips/offset", np.array([0])), "has 0 clips"),
    (replace_dataset("clips/offset", np.array([], "<i8")), "has no rows"),
    (replace_dataset("clips/offset", np.int64(5)), "has no rows"),
    (huge("clips/offset", (600_000_000,), "<i8"), "clips/offset has no values|599,999,999 clips"),
    (huge("clips/gloss", (600_000_000,), h5py.string_dtype()), "extends past the end"),
    (huge("frames/time", (1 << 40,), "<f4"), "frames/time has no values"),
    (link_out, "lacks frames/time"),
    (link_group_out, "lacks frames"),
    (link_softly, "lacks frames/time"),
    (store_outside, "not contiguous in this file"),
    (virtual, "not contiguous in this file"),
    (references, "expected a row of texts"),
]


class Watch:
    """Tells whether a file was opened by anybody (inotify)."""

    def __init__(self, path: Path) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._queue = libc.inotify_init1(os.O_NONBLOCK)
        opened, read = 0x20, 0x1
        assert self._queue >= 0
        assert libc.inotify_add_watch(self._queue, os.fsencode(path), opened | read) >= 0

    def events(self) -> int:
        try:
            return len(os.read(self._queue, 1 << 16)) // struct.calcsize("iIII")
        except BlockingIOError:
            return 0

    def close(self) -> None:
        os.close(self._queue)


@pytest.mark.parametrize(("change", "message"), TRICKS)
def test_what_hdf5_can_do_and_version_1_does_not_is_refused(old, change, message, version1):
    outside = old.with_name("secret.h5")
    with h5py.File(outside, "w") as file:
        file.create_dataset("time", data=np.zeros(14, np.float32), maxshape=(None,))
    with h5py.File(old, "r+", libver="latest") as file:
        change(file, outside)
    watch = Watch(outside)
    try:
        with pytest.raises(DataError, match=message):
            PoseShards.open(old, version1)
        refusal(old, version1)
        assert watch.events() == 0, "a file outside was opened"
        outside.read_bytes()
        assert watch.events() > 0
    finally:
        watch.close()


def test_a_sparse_file_that_holds_half_a_billion_rows_is_refused(old, version1):
    with h5py.File(old, "r+") as file:
        del file["clips/offset"]
        dataset = file.create_dataset("clips/offset", (500_000_000,), "<i8")
        dataset[-1] = 1  # the file takes 4 GB now, and the disk next to nothing
    start = time.monotonic()
    assert "has 499,999,999 clips, expected 1 to" in refusal(old, version1)
    assert time.monotonic() - start < 10


def test_an_index_of_200_million_names_is_refused(tmp_path, provenance, old, version1):
    path = write_version1_index(tmp_path / "index.h5", provenance, [shard_entry(old, 3)])
    with h5py.File(path, "r+") as file:
        for name, dtype in (("name", h5py.string_dtype()), ("clips", "<i8")):
            del file[f"shards/{name}"]
            file.create_dataset(f"shards/{name}", (200_000_000,), dtype)
    refusal(path, version1)


@pytest.mark.parametrize("name", ["../a.h5", "/etc/passwd", ".", "..", "", "a/b.h5", "missing.h5"])
def test_an_index_that_leads_elsewhere_is_refused(tmp_path, provenance, new, name, version1):
    entry = shard_entry(new, 3)
    write_index(tmp_path / "index.h5", provenance, [replace(entry, name=name)])
    with pytest.raises(DataError, match=r"expected a file name without a folder|is missing"):
        PoseShards.open(tmp_path / "index.h5", version1)


@pytest.mark.parametrize(
    "name",
    ["odd-3.h5", "odd-9.h5", "odd-15.h5", "hang-1.h5", pytest.param("hang-2.h5", marks=pytest.mark.slow)],
)
def test_real_damage_ends_in_one_line_and_in_seconds(shared_data, name, version1):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    text = refusal(shared_data / "shards_damaged" / name, version1)
    assert "is damaged: HDF5" in text
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 8
