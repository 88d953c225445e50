"""Runs a program that reads changed files, in a process of its own."""

import json
import subprocess
import sys

from tests.conftest import ROOT

MOST_MEGABYTES = 1000
SEED = 20250


def fuzzed(program, kind, count, folder):
    """What came of `count` files, by outcome. The program fails on anything that is not as promised."""
    arguments = [*kind, count, SEED, folder]
    done = subprocess.run(
        [sys.executable, "-m", program, *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    facts = json.loads(done.stdout)
    print(kind, facts)
    assert sum(facts["counts"].values()) == count
    assert max(facts["megabytes"]) < MOST_MEGABYTES
    return facts["counts"]
