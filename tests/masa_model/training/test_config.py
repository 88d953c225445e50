"""Settings: presets, files, single assignments, and what is said of wrong ones."""

import pytest

from masa_data.errors import DataError
from masa_model.settings import PretrainSettings
from masa_model.training.config import resolve_settings, setting_names


def resolve(*assignments, config=None, **options):
    return resolve_settings(PretrainSettings, config=config, assignments=assignments, options=options)


def test_the_default_is_the_paper():
    settings = resolve()
    assert settings.network.part * 3 == 1536
    assert (settings.network.encoder_blocks, settings.network.decoder_blocks) == (3, 2)
    masking = settings.masking
    assert (masking.confidence_threshold, masking.motion_threshold, masking.share, masking.ratio) == (
        0.4,
        5,
        0.5,
        0.9,
    )
    alignment = settings.alignment
    assert (alignment.ratio, alignment.bank_size, alignment.temperature) == (0.5, 6144, 0.07)
    assert (alignment.weight, alignment.momentum) == (0.05, 0.996)
    assert alignment.ramp * settings.epochs == 100
    assert settings.optimiser.warm_up * settings.epochs == 20
    assert settings.motion.interval == (3,)


def test_presets_and_what_is_said_besides():
    assert resolve(size="tiny").network.part == 64
    settings = resolve("network.hidden=100", size="tiny", epochs=7)
    assert (settings.network.hidden, settings.network.part, settings.epochs) == (100, 64, 7)
    assert settings.optimiser.learning_rate == 1e-3


def test_a_file_then_options_then_assignments(tmp_path):
    file = tmp_path / "run.toml"
    file.write_text('size = "small"\nepochs = 3\n[motion]\ninterval = [1, 5]\nscale = 16\n')
    settings = resolve("motion.scale=8", "masking.strategy=random", config=file, epochs=4, seed=None)
    assert (settings.size, settings.epochs, settings.seed) == ("small", 4, 0)
    assert settings.motion.interval == (1, 5)
    assert settings.motion.weights == (0.5, 0.5)
    assert (settings.motion.scale, settings.masking.strategy) == (8, "random")


def test_one_interval_without_brackets():
    assert resolve("motion.interval=5").motion.interval == (5,)


def test_what_was_resolved_resolves_to_itself(tmp_path):
    tomli_w = pytest.importorskip("tomli_w")
    settings = resolve("motion.interval=[1,3]", "data.splits=['train']", size="tiny")
    file = tmp_path / "settings.toml"
    file.write_text(tomli_w.dumps(settings.model_dump(mode="json", exclude_none=True)))
    assert resolve(config=file) == settings


@pytest.mark.parametrize(
    ("assignment", "reason", "advice"),
    [
        ("motion.intervall=5", "there is no setting 'motion.intervall'", "Did you mean motion.interval?"),
        ("interval=5", "there is no setting 'interval'", "Did you mean motion.interval?"),
        ("masking.ratio=1.5", "masking.ratio is 1.5", "Correct"),
        ("masking.strategy=wild", "masking.strategy is 'wild'", "Correct"),
        ("motion.interval=0", "motion.interval is 0", "Correct"),
        ("motion.weights=[1,2]", "1 intervals and 2 weights", "Correct"),
        ("network.heads=7", "multiple of 2 × heads", "Correct"),
        ("epochs", "expected name=value", "motion.interval=5"),
        ("optimiser.learning_rate=nan", "learning_rate", "Correct"),
        ("motion=3", "motion", "Correct"),
    ],
)
def test_wrong_settings(assignment, reason, advice):
    with pytest.raises(DataError) as caught:
        resolve(assignment)
    assert reason in caught.value.reason
    assert advice in caught.value.advice


@pytest.mark.parametrize("text", ["epochs = ", "\x00", "epochs: 3"])
def test_a_file_that_is_no_toml(tmp_path, text):
    (tmp_path / "run.toml").write_text(text)
    with pytest.raises(DataError, match=r"run.toml is no TOML"):
        resolve(config=tmp_path / "run.toml")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        resolve(config=tmp_path / "none.toml")


def test_names():
    names = list(setting_names(PretrainSettings))
    assert "epochs" in names
    assert "alignment.temperature" in names
