"""One name for one thing in all commands; what version 0.1.0 called it is still understood."""

import json
import logging
import shutil
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

# The runs that version 0.1.0 made have settings under their earlier names.
pytestmark = pytest.mark.filterwarnings("ignore::masa_data.errors.RenamedWarning")
MADE = Path(__file__).parent.parent / "made_by_0_1_0"


def commands() -> Iterator[tuple[str, click.Command]]:
    """All commands, and those of groups, by name."""
    for entry in entry_points(group="console_scripts"):
        if entry.name.startswith("masa-"):
            command = entry.load()
            yield entry.name, command
            yield from getattr(command, "commands", {}).items()


COMMANDS = dict(commands())
TAKE_A_RUN = ("masa-pretrain", "masa-finetune", "masa-probe", "masa-eval", "masa-predict", "masa-export")
# What is said by an option everywhere, and under which name the command's function takes it.
EVERYWHERE = {"--run": "run_path", "--json": "as_json", "--overwrite": "overwrite", "--quiet": "quiet"}


def options(command: click.Command) -> dict[str, click.Option]:
    return {
        name: option
        for option in command.params
        if isinstance(option, click.Option) and not option.hidden
        for name in option.opts
    }


@pytest.fixture
def folder(tmp_path, monkeypatch):
    shutil.copytree(MADE, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    logging.disable(logging.NOTSET)  # masa-export silences the exporter


def call(name: str, *arguments: str, code: int = 0) -> Result:
    """Run a command in this process: starting each anew takes longer than its work."""
    result = CliRunner().invoke(COMMANDS[name], arguments)
    assert result.exit_code == code, result.output + repr(result.exception)
    return result


@pytest.mark.parametrize("name", TAKE_A_RUN)
def test_a_run_is_named_by_run(name):
    assert "--run" in options(COMMANDS[name])


@pytest.mark.parametrize("name", COMMANDS)
def test_what_commands_share_has_one_name(name):
    found = options(COMMANDS[name])
    for option, parameter in EVERYWHERE.items():
        assert option not in found or found[option].name == parameter
        assert parameter not in {one.name for one in found.values()} or option in found
    # The argument of masa-study is its recipe.
    assert "--data" not in found or name == "masa-study", "files are arguments"
    arguments = {one.metavar for one in COMMANDS[name].params if isinstance(one, click.Argument)}
    assert not arguments & {None, "RUN", "[RUN]", "CLIP", "[CLIP]"}, "runs and clips are named by options"


def test_evaluation_takes_files_as_arguments(folder):
    now = call("masa-eval", "signs.h5", "--run", "finetune", "--json")
    then = call("masa-eval", "--run", "finetune", "--data", "signs.h5", "--json")
    assert json.loads(now.stdout)["total"] == json.loads(then.stdout)["total"]
    assert "note: --data signs.h5 is now written signs.h5, without --data" in then.stderr
    assert "is now written" not in now.stderr


def test_numbers_after_noise_are_levels_and_the_rest_are_files(folder):
    done = call("masa-eval", "--run", "finetune", "signs.h5", "--noise", "5", "10", "--json")
    assert set(json.loads(done.stdout)["noise"]) == {"5", "10"}
    assert "5 does not exist" in call("masa-eval", "--run", "finetune", "5", code=2).stderr


def test_a_probe_takes_its_run_by_option(folder):
    now = call("masa-probe", "--run", "pretrain", "signs.h5", "--json")
    then = call("masa-probe", "pretrain", "signs.h5", "--json")
    assert json.loads(now.stdout) == json.loads(then.stdout)
    assert "note: the run pretrain is now written --run pretrain" in then.stderr
    # What is no run is a file.
    (folder / "runs").mkdir()
    shutil.move(folder / "pretrain", folder / "runs" / "pretrain-001")
    newest = call("masa-probe", "signs.h5", "--json")
    assert json.loads(newest.stdout)["trained"] == json.loads(now.stdout)["trained"]


@pytest.mark.parametrize("before", [("--run", "finetune"), ("finetune",)], ids=["now", "0.1.0"])
def test_an_export_takes_its_run_by_option(folder, before):
    done = call("masa-export", *before, "model.pt2")
    assert "Wrote model.pt2: 4 glosses" in done.stdout
    assert (folder / "model.pt2").stat().st_size > 1000
    assert ("the run finetune is now written --run finetune" in done.stderr) == (len(before) == 1)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "no output file was given"),
        (("--run", "finetune", "a.pt2", "b.pt2"), "found 2 output files, expected one"),
        (("finetune",), "the output finetune is a folder, expected a file"),
        (("model.pt2",), "there is no run of kind finetune"),
    ],
)
def test_what_an_export_refuses(folder, arguments, says):
    assert says in call("masa-export", *arguments, code=2).stderr


def test_a_clip_is_named_by_clip(folder):
    """As in masa-inspect; both ways come as far as the clip, or as Rerun, which may not be installed."""
    now = call("masa-view", "signs.h5", "--clip", "none", "--save", "a.rrd", code=2).stderr
    then = call("masa-view", "signs.h5", "none", "--save", "a.rrd", code=2).stderr
    assert then == "note: the clip none is now written --clip none\n" + now
    both = call("masa-view", "signs.h5", "a", "--clip", "b", code=2).stderr
    assert "found two clips, a and b, expected one" in both
