"""Settings: presets, files, single assignments, and what is said of wrong ones."""

import pytest
import tomli_w

from masa_data.errors import DataError, RenamedWarning
from masa_model.inputs.masking import mask_interval
from masa_model.settings.finetune import FinetuneSettings
from masa_model.settings.pretrain import PretrainSettings
from masa_model.settings.resolve import check_effects, resolve_settings, said_values, setting_names


def resolve(*assignments, config=None, **options):
    return resolve_settings(PretrainSettings, config=config, assignments=assignments, options=options)


def test_the_default_is_the_paper():
    settings = resolve()
    assert settings.network.part * 3 == 1536
    assert (settings.network.encoder_blocks, settings.network.decoder_blocks) == (3, 2)
    masking = settings.masking
    assert (
        masking.confidence_threshold,
        masking.motion_threshold,
        masking.min_moving_fraction,
        masking.ratio,
    ) == (
        0.4,
        5,
        0.5,
        0.9,
    )
    alignment = settings.alignment
    assert (alignment.ratio, alignment.bank_size, alignment.temperature) == (0.5, 6144, 0.07)
    assert (alignment.weight, alignment.momentum) == (0.05, 0.996)
    assert alignment.ramp * settings.epochs == 100
    assert settings.optimizer.warm_up * settings.epochs == 20
    assert settings.motion.interval == (3,)


def test_presets_and_what_is_said_besides():
    assert resolve(size="tiny").network.part == 64
    settings = resolve("network.hidden=100", size="tiny", epochs=7)
    assert (settings.network.hidden, settings.network.part, settings.epochs) == (100, 64, 7)
    assert settings.optimizer.learning_rate == 1e-3


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


@pytest.mark.parametrize(
    ("rule", "threshold", "denominator", "mask_set"),
    [("parts", 5, "visible", "clip"), ("paper", 5, "all", "clip"), ("released", 3, "visible", "union")],
)
def test_a_rule_of_masking_stands_for_what_goes_with_it(rule, threshold, denominator, mask_set):
    masking = resolve(f"masking.rule={rule}").masking
    assert (masking.motion_threshold, masking.denominator, masking.mask_set) == (
        threshold,
        denominator,
        mask_set,
    )
    assert resolve(f"masking.rule={rule}", "masking.mask_set=per_part").masking.mask_set == "per_part"


@pytest.mark.parametrize(
    ("assignments", "expected"),
    [
        ((), 3),
        (("motion.interval=5",), 5),
        (("motion.interval=[1,3,5]",), 3),
        (("motion.interval=[7,1,4]",), 4),
        (("motion.interval=[5,1]",), 1),
        (("motion.interval=[1,3,5]", "masking.interval=5"), 5),
        (("masking.interval=2",), 2),
    ],
)
def test_the_interval_of_masking(assignments, expected):
    settings = resolve(*assignments)
    assert mask_interval(settings.masking, settings.motion) == expected


def old_settings(**motion):
    """What a run wrote that was made before there were rules to choose from."""
    values = resolve(size="tiny", motion=motion or None).model_dump(mode="json", exclude_none=True)
    del values["masking"]["rule"]
    return values


@pytest.mark.parametrize(("interval", "expected"), [([3], 3), ([1, 3, 5], 1), (5, 5)])
def test_settings_from_before_there_were_rules_keep_their_meaning(tmp_path, interval, expected):
    old = old_settings(interval=interval)
    file = tmp_path / "settings.toml"
    file.write_text(tomli_w.dumps(old))
    for read in (resolve(config=file), PretrainSettings.model_validate(old)):
        masking = read.masking
        assert (masking.rule, masking.denominator, masking.mask_set) == ("paper", "visible", "clip")
        assert mask_interval(masking, read.motion) == expected
        assert PretrainSettings.model_validate(read.model_dump(mode="json")) == read


def test_a_file_that_says_some_of_masking_has_the_rule_of_today(tmp_path):
    (tmp_path / "mine.toml").write_text("[masking]\nratio = 0.3\n")
    assert resolve(config=tmp_path / "mine.toml").masking.rule == "parts"


def test_a_setting_that_was_renamed_is_understood_and_says_so(tmp_path):
    (tmp_path / "mine.toml").write_text("[masking]\nshare = 0.3\n")
    with pytest.warns(RenamedWarning, match=r"masking\.share is now called masking\.min_moving_fraction"):
        assert resolve(config=tmp_path / "mine.toml").masking.min_moving_fraction == 0.3
    with pytest.warns(RenamedWarning, match=r"data\.storage"):
        assert resolve("data.place=stream").data.storage == "stream"
    with pytest.warns(RenamedWarning, match=r"data\.storage = gpu is now called data\.storage = memory"):
        assert PretrainSettings.model_validate({"data": {"storage": "gpu"}}).data.storage == "memory"
    with pytest.warns(RenamedWarning, match="the group of settings optimiser is now called optimizer"):
        assert resolve("optimiser.learning_rate=0.5").optimizer.learning_rate == 0.5
    with pytest.raises(DataError, match=r"Did you mean masking\.min_moving_fraction"):
        resolve("masking.min_moving=0.3")


def test_what_was_resolved_resolves_to_itself(tmp_path):
    settings = resolve("motion.interval=[1,3]", "data.splits=['train']", "masking.rule=released", size="tiny")
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
        ("optimizer.learning_rate=nan", "learning_rate", "Correct"),
        ("motion=3", "motion", "Correct"),
        ("size=[1]", "size is [1]", "Correct"),
        ("masking.rule=[1]", "masking.rule is [1]", "Correct"),
        ("masking.rule=wild", "masking.rule is 'wild'", "Correct"),
        pytest.param(f"epochs={'9' * 5000}", "epochs is '999", "Correct", id="digits"),
        pytest.param(f"epochs={'[' * 5000}", "epochs is '[[[", "Correct", id="brackets"),
    ],
)
def test_wrong_settings(assignment, reason, advice):
    with pytest.raises(DataError) as caught:
        resolve(assignment)
    assert reason in caught.value.reason
    assert advice in caught.value.advice


@pytest.mark.parametrize(
    "assignments",
    [("motion.weight=0", "alignment.weight=0"), ("masking.ratio=0", "alignment.weight=0")],
)
def test_with_nothing_to_learn_there_is_no_run(assignments):
    with pytest.raises(DataError, match="both 0: there is nothing to learn"):
        resolve(*assignments)
    for one in assignments:
        resolve(one)


def effects(kind, *assignments, **options):
    settings = resolve_settings(kind, assignments=assignments, options=options)
    check_effects(settings, said_values(assignments, options))


@pytest.mark.parametrize(
    ("kind", "beside", "idle"),
    [
        (PretrainSettings, "masking.rule=released", "masking.min_moving_fraction=0.3"),
        (PretrainSettings, "masking.rule=released", "masking.magnitude=coordinate"),
        (PretrainSettings, "masking.strategy=random", "masking.motion_threshold=3"),
        (PretrainSettings, "masking.strategy=random", "masking.rule=paper"),
        (PretrainSettings, "motion.objective=joint", "motion.scale=1"),
        (PretrainSettings, "motion.weight=0", "motion.loss=l1"),
        (PretrainSettings, "motion.weight=0", "network.decoder_blocks=1"),
        (PretrainSettings, "alignment.weight=0", "alignment.temperature=0.2"),
        (FinetuneSettings, "optimizer.kind=adamw", "optimizer.drops=1"),
        (FinetuneSettings, "optimizer.kind=adamw", "optimizer.momentum=0.8"),
        (FinetuneSettings, "optimizer.kind=sgd", "optimizer.warm_up=0.2"),
        (FinetuneSettings, "head.kind=linear", "head.dropout=0.2"),
        (FinetuneSettings, "epochs=3", "optimizer.head_first=0.2"),
        (FinetuneSettings, "epochs=3", "network.decoder_blocks=1"),
        (FinetuneSettings, "freeze=true", "network.graph_dropout=0.3"),
    ],
)
def test_what_has_no_effect_beside_the_rest_is_refused(kind, beside, idle):
    effects(kind, beside)
    name = idle.partition("=")[0]
    with pytest.raises(DataError, match=f"the setting {name} has no effect: ") as caught:
        effects(kind, beside, idle)
    assert len(str(caught.value).splitlines()) == 1
    # The names are settings that there are, and what a file names whole is not refused.
    assert set(kind().without_effect()) <= set(setting_names(kind))


def test_what_has_an_effect_is_not_refused():
    effects(PretrainSettings, "motion.objective=joint", "motion.interval=5")  # frames are masked by it
    effects(PretrainSettings, "masking.strategy=random", "masking.mask_set=per_part", "masking.interval=2")
    effects(FinetuneSettings, "optimizer.kind=adamw", "optimizer.warm_up=0.2", recipe="paper")
    effects(FinetuneSettings, "optimizer.head_first=0.1", pretrained="p.safetensors")


@pytest.mark.parametrize(
    "text",
    [
        *("epochs = ", "\x00", "epochs: 3", f"epochs = {'9' * 5000}", f"epochs = {'[' * 5000}"),
        "epochs = 2026-13-45",
    ],
)
def test_a_file_that_is_no_toml(tmp_path, text):
    (tmp_path / "run.toml").write_text(text)
    with pytest.raises(DataError, match=r"run.toml is not valid TOML"):
        resolve(config=tmp_path / "run.toml")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        resolve(config=tmp_path / "none.toml")


def test_names():
    names = list(setting_names(PretrainSettings))
    assert "epochs" in names
    assert "alignment.temperature" in names
