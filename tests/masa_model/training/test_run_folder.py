"""A run's folder: who holds it, and what makes it a run."""

import os
import signal
import subprocess
import sys

import pytest

from masa_data.errors import DataError
from masa_model.settings.pretrain import PretrainSettings
from masa_model.training.run_folder import RunFolder

RECORD = {"files": ["a.h5"], "fingerprints": ["x"]}
HOLD = """
import sys
from pathlib import Path
from masa_model.training.run_folder import RunFolder
with RunFolder(Path(sys.argv[1])).held():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_one_process_holds_it_until_it_ends_however_that_may_be(tmp_path):
    folder = RunFolder.create("pretrain", tmp_path / "run")
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, folder.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(DataError, match=f"another process trains in {folder.path}"), folder.held():
        pass
    os.kill(holder.pid, signal.SIGKILL)
    holder.communicate()
    with folder.held(), pytest.raises(DataError, match="another process"), folder.held():
        pass
    with folder.held():
        pass


def test_settings_are_what_makes_it_a_run(tmp_path, monkeypatch):
    """Who is killed before has nothing to go on with, and may begin in the same folder."""
    monkeypatch.chdir(tmp_path)
    folder = RunFolder.create("pretrain")
    assert folder.path.name == "pretrain-001"
    with pytest.raises(DataError, match="there is no run of kind pretrain"):
        RunFolder.newest("pretrain")
    with pytest.raises(DataError, match=r"contains no run: .*settings.toml is missing"):
        folder.require_run()
    folder.write_json("data.json", RECORD)
    again = RunFolder.create("pretrain", folder.path)
    again.begin(PretrainSettings(size="tiny"), RECORD)
    assert again.read_settings(PretrainSettings) == PretrainSettings(size="tiny")
    assert RunFolder.newest("pretrain") == RunFolder(again.path)
    for begin in (
        lambda: RunFolder.create("pretrain", folder.path),
        lambda: again.begin(PretrainSettings(), RECORD),
    ):
        with pytest.raises(DataError, match="already contains a run"):
            begin()


def test_two_that_begin_at_once_have_a_folder_each(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert [RunFolder.create("finetune").path.name for _ in range(3)] == [
        f"finetune-00{number}" for number in (1, 2, 3)
    ]
