"""What `--resume` says before it goes on."""

import io

import pytest
from masa_cli.training_run import say_how_it_goes_on
from rich.console import Console
from torch import nn

from masa_data.errors import DataError
from masa_data.tracks.provenance import EstimatorIdentity
from masa_model.runs.beginning import lengthened
from masa_model.settings.pretrain import PretrainSettings
from masa_model.training.checkpoint import CheckpointHeader
from masa_model.training.run_folder import RunFolder
from masa_model.training.saving import save_checkpoint

SETTINGS = PretrainSettings(size="tiny", epochs=10)
IDENTITY = EstimatorIdentity(name="made-up", version="1", settings={}, weights_sha256="", confidence="")


@pytest.fixture
def folder(tmp_path):
    folder = RunFolder.create("pretrain", tmp_path / "run")
    folder.begin(SETTINGS, {"files": ["a.h5"], "fingerprints": ["x"]})
    return folder


def saved(folder, step):
    header = CheckpointHeader(
        kind="pretraining", step=step, steps=40, settings={}, estimator=IDENTITY, fingerprints=()
    )
    save_checkpoint(folder.last, header, nn.Linear(1, 1))


def said(folder, settings=SETTINGS):
    text = io.StringIO()
    console = Console(file=text, width=1000, highlight=False)
    say_how_it_goes_on(console, "masa-pretrain", folder, settings, SETTINGS)
    return text.getvalue()


def test_without_a_checkpoint_it_begins_again(folder):
    assert (
        said(folder)
        == f"{folder.path} has no checkpoint yet: the run starts from the beginning, with its own settings.\n"
    )


def test_a_run_that_was_stopped_goes_on_without_a_word(folder):
    saved(folder, 7)
    assert said(folder) == ""


def test_a_complete_one_says_how_to_make_it_longer(folder):
    saved(folder, 40)
    assert said(folder) == (
        f"{folder.path} is complete (10 epochs). To train longer: "
        f"masa-pretrain --resume {folder.path} --epochs 20\n"
    )
    longer = lengthened(SETTINGS, 20, folder)
    assert longer == SETTINGS.model_copy(update={"epochs": 20})
    assert "is made longer, from 10 to 20 epochs. From now on it follows the schedules" in said(
        folder, longer
    )


@pytest.mark.parametrize(
    ("epochs", "reason"),
    [(9, "is a run of 10 epochs and cannot be shortened to 9"), (10**7, "epochs is 10000000")],
)
def test_lengths_that_cannot_be(folder, epochs, reason):
    with pytest.raises(DataError, match=reason):
        lengthened(SETTINGS, epochs, folder)


def test_no_length_is_the_length_it_has(folder):
    assert lengthened(SETTINGS, None, folder) is lengthened(SETTINGS, 10, folder) is SETTINGS
