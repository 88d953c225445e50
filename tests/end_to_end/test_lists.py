"""What commands list: clips of a file, settings, and the words that a shell completes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from masa_data.shards.quantize import quantize
from masa_data.shards.writer import write_shard
from masa_model.settings.finetune import FinetuneSettings
from masa_model.settings.pretrain import PretrainSettings
from masa_model.settings.resolve import setting_names
from tests.conftest import make_track

KNOWN = (
    {"id": "a/1", "gloss": "tea", "split": "train", "signer": "s1", "frames": 5},
    {"id": "b", "gloss": "\u8336 to drink", "split": "test", "signer": "s2", "frames": 12},
    {"id": "c", "gloss": None, "split": None, "signer": None, "frames": 7},
)


@pytest.fixture
def shard(tmp_path, provenance):
    tracks = [
        make_track(
            known["id"],
            frames=known["frames"],
            **{name: known[name] or "" for name in ("gloss", "split", "signer")},
        )
        for known in KNOWN
    ]
    write_shard(tmp_path / "out.h5", provenance, map(quantize, tracks), sum(map(len, tracks)))
    return tmp_path / "out.h5"


def test_clips_are_listed_one_on_each_line(shard, run):
    lines = run("masa-inspect", shard, "--list").stdout.splitlines()
    assert lines == [
        "id   gloss        split  signer  frames",
        "a/1  tea          train  s1      5",
        "b    \u8336 to drink  test   s2      12",
        "c    -            -      -       7",
    ]


def test_clips_are_listed_as_json_lines(shard, run):
    lines = run("masa-inspect", shard, "--list", "--json").stdout.splitlines()
    assert tuple(map(json.loads, lines)) == KNOWN


@pytest.mark.parametrize("other", [("--clip", "b"), ("--validate",), ("--html", "a.html")])
def test_a_list_refuses_options_that_it_would_ignore(shard, run, other):
    assert (
        f"{other[0]} has no effect with --list" in run("masa-inspect", shard, "--list", *other, code=2).stderr
    )


@pytest.mark.parametrize(
    ("command", "kind"), [("pretrain", PretrainSettings), ("finetune", FinetuneSettings)]
)
def test_settings_that_are_piped_stand_on_one_line_each(run, command, kind):
    lines = run(f"masa-{command}", "no-such-file.h5", "--list-settings").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["setting", *setting_names(kind)]
    assert all(line == line.rstrip() for line in lines)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_command_prints_its_completion(shell):
    """As docs/install.md says."""
    if shell == "bash" and not Path("/bin/bash").exists():
        pytest.skip("click asks bash for its version, and there is no bash")
    command = Path(sys.executable).parent / "masa-pretrain"
    environment = {**os.environ, "_MASA_PRETRAIN_COMPLETE": f"{shell}_source"}
    done = subprocess.run([command], env=environment, capture_output=True, text=True, check=True, timeout=60)
    assert "_MASA_PRETRAIN_COMPLETE" in done.stdout
    assert "masa-pretrain" in done.stdout


def test_options_are_completed():
    command = Path(sys.executable).parent / "masa-pretrain"
    environment = {
        **os.environ,
        "_MASA_PRETRAIN_COMPLETE": "bash_complete",
        "COMP_WORDS": "masa-pretrain --list",
        "COMP_CWORD": "1",
    }
    done = subprocess.run([command], env=environment, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines() == ["plain,--list-settings"]
