"""The public interface: what a notebook does, each step by one call."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import masa_model
from masa_data import DataError, PoseDataset
from tests.masa_model.made_up_signs import GLOSSES, NETWORK, make_sign, signs, write

SMALL = {f"network.{name}": value for name, value in {**NETWORK, "decoder_blocks": 1}.items()}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A file, a run of pre-training, and two of fine-tuning, of which one goes on from it."""
    from masa_data.tracks.provenance import EstimatorIdentity, Provenance

    folder = tmp_path_factory.mktemp("public")
    made = EstimatorIdentity(name="made-up", version="1", settings={}, weights_sha256="", confidence="")
    file = write(folder / "signs.h5", Provenance(estimator=made, tool_version="0"), signs(10, 4, 10))
    pretrained = masa_model.pretrain(
        file,
        size="tiny",
        epochs=2,
        settings={**SMALL, "alignment.features": 8, "batch_size": 8},
        run=folder / "pretrain",
        device="cpu",
        progress=False,
    )
    tuned = masa_model.finetune(
        file, pretrained=pretrained, recipe="tuned", epochs=2, run=folder / "a", device="cpu", progress=False
    )
    return file, pretrained, tuned


def test_pretrain_returns_a_run_that_can_be_looked_at(runs):
    _, run, _ = runs
    assert (run.kind, run.finished, len(run.metrics)) == ("pretraining", True, 2)
    table = run.to_pandas()
    assert isinstance(table, pd.DataFrame)
    assert table["motion_loss"].tolist() == [record["motion_loss"] for record in run.metrics]
    assert "epoch 2: loss" in repr(run)
    assert "data:image/png;base64," in run._repr_html_()
    assert isinstance(run.encoder(), masa_model.PoseEncoder)
    with pytest.raises(DataError, match="is a run of pre-training"):
        run.recognizer()


def test_pretraining_goes_on_as_if_it_had_not_stopped(runs, tmp_path):
    file, _, _ = runs
    settings = {**SMALL, "batch_size": 8}
    common = {"size": "tiny", "settings": settings, "device": "cpu", "progress": False}
    short = masa_model.pretrain(file, epochs=1, run=tmp_path / "short", **common)
    longer = masa_model.pretrain(file, run=short.path, resume=True, epochs=2, device="cpu", progress=False)
    assert (longer.finished, len(longer.metrics)) == (True, 2)
    assert longer.metrics[0] == short.metrics[0]
    with pytest.raises(DataError, match="run of 2 epochs and cannot be shortened to 1"):
        masa_model.pretrain(file, run=short.path, resume=True, epochs=1, device="cpu", progress=False)


def test_finetune_evaluate_and_predict(runs):
    file, _, run = runs
    found = masa_model.evaluate(run, device="cpu")
    recognizer = run.recognizer()
    test = PoseDataset.open(file, splits=["test"])
    guesses = recognizer.predict_all([test[number] for number in range(len(test))])
    right = [guess[0].gloss == gloss for guess, gloss in zip(guesses, test.column("gloss"), strict=True)]
    assert found.total.clips == 40
    assert found.total.per_instance[1].value == pytest.approx(np.mean(right))
    assert masa_model.evaluate(recognizer, file).total == found.total
    assert f"{100 * np.mean(right):.2f}" in repr(found)
    assert "<caption>40 clips of 4 classes</caption>" in found._repr_html_()
    assert repr(recognizer).endswith("4 glosses (left, right, up, down), keypoints of made-up")
    best = recognizer.predict(make_sign("new", 2))
    assert {guess.gloss for guess in best} == set(GLOSSES)
    assert sum(guess.probability for guess in best) == pytest.approx(1, abs=1e-5)


def test_probe_has_the_untrained_network_beside(runs):
    file, pretrained, _ = runs
    found = masa_model.probe(pretrained, file, device="cpu")
    assert set(found) == {"trained", "untrained"}
    assert all(0 <= value <= 1 for result in found.values() for value in result.means().values())
    assert found["trained"].clips == 16


def test_wrong_settings_get_the_nearest_name(runs):
    file, _, _ = runs
    with pytest.raises(DataError, match=r"Did you mean motion\.interval"):
        masa_model.pretrain(file, settings={"motion.intervall": 5}, progress=False)
    with pytest.raises(DataError, match=r"masking\.min_moving_fraction has no effect"):
        masa_model.pretrain(
            file,
            settings={"masking.rule": "released", "masking.min_moving_fraction": 0.3},
            progress=False,
        )


def test_all_names_are_there_and_settings_need_no_torch():
    for name in masa_model.__all__:
        assert getattr(masa_model, name) is not None
    assert set(dir(masa_model)) == set(masa_model.__all__)
    with pytest.raises(AttributeError, match="nothing_like_it"):
        masa_model.nothing_like_it  # noqa: B018
    code = "import masa_model, sys; masa_model.PretrainSettings(size='tiny'); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
