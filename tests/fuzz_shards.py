"""Changes bytes of files at random and tells what reading them comes to; run as a program of its own.

    python -m tests.fuzz_shards shard 2 300 7 FOLDER     300 shards of version 2, seed 7

prints how often each outcome was found, and the highest memory in MB of this process and of those it started.
Whatever is not as promised ends it with a traceback.
"""

from __future__ import annotations

import json
import random
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from masa_data import DataError, PoseShards
from masa_data.analysis.quality import validate
from masa_data.shards.quantize import quantize
from masa_data.shards.version1 import Version1Reader
from masa_data.shards.writer import shard_entry, write_index, write_shard
from masa_data.tracks.provenance import EstimatorIdentity, Provenance
from tests.conftest import make_track
from tests.measuring import peak_kilobytes
from tests.version1_files import write_version1, write_version1_index

CLIPS = 12
PROVENANCE = Provenance(
    estimator=EstimatorIdentity(name="made-up", version="1", settings={}, weights_sha256="", confidence=""),
    tool_version="0",
)


def write_original(folder: Path, kind: str, version: int) -> Path:
    """A shard of 12 clips, or an index of three shards of four."""
    tracks = [
        quantize(
            make_track(f"clip/{number}", 5, gloss=f"gloss {number % 3}", label=number % 3, split="train")
        )
        for number in range(CLIPS)
    ]

    def write(path: Path, some: list) -> Path:
        if version == 1:
            return write_version1(path, PROVENANCE, some)
        write_shard(path, PROVENANCE, some, sum(len(track.time) for track in some))
        return path

    if kind == "shard":
        return write(folder / "original.h5", tracks)
    paths = [write(folder / f"part-{n}.h5", tracks[4 * n : 4 * n + 4]) for n in range(3)]
    entries = [shard_entry(path, 4) for path in paths]
    (write_version1_index if version == 1 else write_index)(folder / "original.h5", PROVENANCE, entries)
    return folder / "original.h5"


def mutated(chance: random.Random, whole: bytes) -> bytes:
    """The same with one to four bytes changed, mostly where HDF5 keeps its structure, or cut, or moved."""
    content = bytearray(whole)
    used = [number for number, byte in enumerate(whole) if byte]
    kind = chance.random()
    if kind < 0.05:
        return bytes(content[: chance.randrange(len(content))])
    if kind < 0.1:
        start = chance.randrange(len(content))
        del content[start : start + chance.randint(1, 16)]
        return bytes(content)
    if kind < 0.2:
        start = chance.choice(used)
        content[start : start + 4] = chance.choice([b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff"])
        return bytes(content[: len(whole)])
    for _ in range(chance.randint(1, 4)):
        position = chance.choice(used) if chance.random() < 0.8 else chance.randrange(len(content))
        content[position] = chance.choice([0, 1, 0x7F, 0xFF, content[position] ^ 1 << chance.randrange(8)])
    return bytes(content)


def count_outcomes(
    path: Path, whole: bytes, count: int, seed: int, outcome: Callable[[], str]
) -> dict[str, object]:
    """Write mutations of a file's bytes to a path, one after the other, and count what comes of them."""
    counts: Counter[str] = Counter()
    slowest = 0.0
    for number in range(count):
        content = mutated(random.Random(f"{seed} {number}"), whole)
        if content == whole:
            counts["the original"] += 1
            continue
        path.write_bytes(content)
        start = time.monotonic()
        try:
            counts[outcome()] += 1
        except BaseException:
            sys.stderr.write(f"mutation {number} of seed {seed}\n")
            raise
        slowest = max(slowest, time.monotonic() - start)
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return {
        "counts": counts,
        "megabytes": [peak_kilobytes() >> 10, children >> 10],
        "slowest": round(slowest, 1),
    }


def outcome(path: Path, expected: list[bytes], version1: Version1Reader) -> str:
    """What came of a file that is not the original: everything in it is read, in every way.

    Raises:
        AssertionError: if a refusal is no single line, or frames come that are not the original's.
    """
    try:
        with PoseShards.open(path, version1) as found:
            findings = validate(found)
            vouched = not any(finding.kind == "error" for finding in findings)
            versions = found.versions
            damaged = set(found.damaged_clips())
            whole = 0
            for number, clip_id in enumerate(found):
                try:
                    payload = found.stored(number).payload()
                    found.frames_of([number])
                except DataError as error:
                    require_one_line(error, path)
                    continue
                assert clip_id not in damaged
                whole += payload in expected
                # Of version 1 even the offsets can be changed, and the checksums with them.
                assert payload in expected or versions == {1}, clip_id
            if versions == {1}:
                assert any("version 1" in finding.text for finding in findings)
                return "opened, told that only frames have a checksum"
            assert not vouched, "a changed file was vouched for"
            assert whole < len(expected)
            return "opened, damaged clips refused and named by validation"
    except DataError as error:
        require_one_line(error, path)
        return f"refused: {kind_of(error)}"


def require_one_line(error: DataError, path: Path) -> None:
    text = str(error)
    assert "\n" not in text, text
    assert "Traceback" not in text, text
    assert len(text) < 900, text


def kind_of(error: DataError) -> str:
    """The first words after the path that name the kind of refusal."""
    for words in ("does not finish reading", "crashes while", "HDF5 cannot read it", "checksum", "truncated"):
        if words in error.reason:
            return words
    return "other"


def main(kind: str, version: int, count: int, seed: int, folder: Path) -> None:
    """Write the original, read its mutations, print what was found."""
    original = write_original(folder, kind, version)
    whole = original.read_bytes()
    with Version1Reader() as version1:
        with PoseShards.open(original, version1) as found:
            expected = [found.stored(number).payload() for number in range(len(found))]
        path = folder / "mutated.h5"
        facts = count_outcomes(path, whole, count, seed, lambda: outcome(path, expected, version1))
    sys.stdout.write(json.dumps(facts) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), Path(sys.argv[5]))
