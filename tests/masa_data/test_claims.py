"""Two processes and one claim, with locks and on file systems that have none (flock made to fail)."""

import json
import os
import shutil
import socket
import subprocess
import sys

import pytest

from masa_data.disk.claims import TakenError, claim, claim_in_turn

NO_LOCKS = """
#include <errno.h>
#include <stdlib.h>
int flock(int file, int operation) { errno = atoi(getenv("FLOCK_ERRNO")); return -1; }
"""
HOLD = """
import sys
from pathlib import Path
from masa_data.disk.claims import TakenError, claim
try:
    held = claim(Path(sys.argv[1]))
except TakenError as holder:
    print("taken by", holder, flush=True)
else:
    print("note:", held.note, flush=True)
    sys.stdin.read()
    if len(sys.argv) == 2:
        held.release()
"""


@pytest.fixture(scope="module")
def no_locks(tmp_path_factory):
    """The environment of a process whose file systems know no locks."""
    if shutil.which("gcc") is None or not sys.platform.startswith("linux"):
        pytest.skip("there is no gcc to make flock fail with")
    folder = tmp_path_factory.mktemp("no_locks")
    (folder / "flock.c").write_text(NO_LOCKS)
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", "flock.so", "flock.c"], cwd=folder, check=True)
    return {**os.environ, "LD_PRELOAD": str(folder / "flock.so"), "FLOCK_ERRNO": "37"}


def hold(path, environment=None, *arguments):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    return process, process.stdout.readline().strip()


def end(process):
    process.stdin.close()
    process.stdout.close()
    assert process.wait() == 0


def test_a_lock_is_held_by_one_and_ends_with_it(tmp_path):
    path = tmp_path / "lock"
    first, said = hold(path)
    assert said == "note:"
    with pytest.raises(TakenError):
        claim(path)
    first.kill()
    first.communicate()
    with claim(path), pytest.raises(TakenError):
        claim(path)
    claim_in_turn(path).release()


@pytest.mark.parametrize("number", [37, 38, 95, 22])  # ENOLCK, ENOSYS, EOPNOTSUPP, EINVAL
def test_without_locks_a_file_says_who_works(tmp_path, no_locks, number):
    path, environment = tmp_path / "lock", {**no_locks, "FLOCK_ERRNO": str(number)}
    first, said = hold(path, environment)
    assert said == f"note: This file system has no locks; {path}.owner marks that it is in use"
    second, refused = hold(path, environment)
    assert refused.startswith(f"taken by process {first.pid} on {socket.gethostname()}")
    end(second)
    end(first)
    third, said = hold(path, environment)
    assert said.startswith("note: ")
    end(third)
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_is_taken_over(tmp_path, no_locks):
    path = tmp_path / "lock"
    first, _ = hold(path, no_locks)
    first.kill()
    first.communicate()
    assert (tmp_path / "lock.owner").exists()
    second, said = hold(path, no_locks)
    assert said.startswith("note: ")
    end(second)
    # Another process has its number by now, which shows by when it was started.
    me = {"host": socket.gethostname(), "pid": os.getpid(), "started": "1"}
    (tmp_path / "lock.owner").write_text(json.dumps(me))
    third, said = hold(path, no_locks)
    assert said.startswith("note: ")
    end(third)


@pytest.mark.parametrize(
    "content", ['{"host": "elsewhere", "pid": 1, "started": "1"}', "", "[1]", '{"pid": "x"}']
)
def test_of_another_machine_s_claim_a_person_decides(tmp_path, no_locks, content):
    (tmp_path / "lock.owner").write_text(content)
    process, said = hold(tmp_path / "lock", no_locks)
    assert said.startswith("taken by ")
    assert f"remove {tmp_path / 'lock.owner'}" in said
    end(process)
    assert (tmp_path / "lock.owner").read_text() == content


def test_other_errors_are_errors(tmp_path, no_locks):
    done = subprocess.run(
        [sys.executable, "-c", HOLD, str(tmp_path / "lock")],
        capture_output=True,
        text=True,
        env={**no_locks, "FLOCK_ERRNO": "5"},
    )
    assert "OSError: [Errno 5]" in done.stderr
