"""The reference of settings says what the models are."""

import pytest
from click.testing import CliRunner
from masa_cli.finetune import main as finetune
from masa_cli.pretrain import main as pretrain

from masa_model.settings.finetune import FinetuneSettings
from masa_model.settings.pretrain import PretrainSettings
from masa_model.settings.reference import as_markdown, settings_reference
from masa_model.settings.resolve import resolve_settings, setting_names


@pytest.mark.parametrize("kind", [PretrainSettings, FinetuneSettings])
def test_every_setting_is_there_with_a_meaning(kind):
    facts = settings_reference(kind)
    assert [one.name for one in facts] == list(setting_names(kind))
    for one in facts:
        assert one.meaning, one.name
        assert one.values, one.name
    assert len(as_markdown(facts).splitlines()) == len(facts) + 2


@pytest.mark.parametrize(("kind", "chosen_by"), [(PretrainSettings, "size"), (FinetuneSettings, "recipe")])
def test_defaults_are_those_that_a_run_gets(kind, chosen_by):
    """What the reference prints, given back by --set, changes nothing."""
    facts = [one for one in settings_reference(kind) if one.default != "none" and one.name != chosen_by]
    assert resolve_settings(kind, assignments=[f"{one.name}={one.default}" for one in facts]) == kind()
    for preset in {name for one in facts for name in one.presets}:
        said = [f"{one.name}={one.presets[preset]}" for one in facts if preset in one.presets]
        assert resolve_settings(kind, assignments=said, options={chosen_by: preset}) == kind(
            **{chosen_by: preset}
        )


@pytest.mark.parametrize(("command", "name"), [(pretrain, "motion.interval"), (finetune, "head.pooling")])
def test_the_commands_list_them(command, name):
    done = CliRunner().invoke(command, ["--list-settings"], catch_exceptions=False)
    assert done.exit_code == 0
    assert name in done.output
