"""A reference of all settings, generated from the settings classes and their docstrings."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from masa_model.settings.finetune import RECIPES, FinetuneSettings
from masa_model.settings.pretrain import PRESETS, PretrainSettings

_ENTRY: Final = re.compile(r"^    (\w+): ", re.MULTILINE)
_BOUNDS: Final = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
# Larger upper bounds are not shown: they only protect the machine from values that cannot work.
_LARGEST_SHOWN: Final = 100_000

_PAGE: Final = """# Settings

This page lists all settings of a run. Change one with `--set name=value`, several with a TOML file and
`--config`, or in Python with `settings={"name": value}`. `masa-pretrain --list-settings` and
`masa-finetune --list-settings` print the same list. If a size or recipe has another default value, it is
shown below the default. "none" means that the setting has no value.
"""


@dataclass(frozen=True, slots=True)
class SettingFacts:
    """One setting in the settings reference.

    Attributes:
        name: dotted name of the setting, in the form that `--set` accepts.
        values: type of the setting, with its range or choices.
        default: default value of the setting, in the form that `--set` accepts; "none" if it has no value.
        presets: default values of the presets (size or recipe) that differ from `default`, by preset.
        meaning: what the setting does.
    """

    name: str
    values: str
    default: str
    presets: dict[str, str]
    meaning: str


def settings_reference(kind: type[PretrainSettings] | type[FinetuneSettings]) -> list[SettingFacts]:
    """List all settings of a kind of run, in the order of settings.toml.

    Args:
        kind: PretrainSettings or FinetuneSettings.

    Returns:
        one entry for each setting.

    Example:
        >>> settings_reference(PretrainSettings)[0].name
        'size'
    """
    chosen_by = "size" if kind is PretrainSettings else "recipe"
    names = list(PRESETS if kind is PretrainSettings else RECIPES)
    plain, *others = (
        dict(_values(kind.model_validate({chosen_by: name}).model_dump(mode="json"))) for name in names
    )
    facts = []
    for name, field, meaning in _fields(kind):
        default = plain[name]
        differing = {
            preset: _shown(values[name])
            for preset, values in zip(names[1:], others, strict=True)
            if values[name] != default
        }
        facts.append(SettingFacts(name, _values_of(field), _shown(default), differing, meaning))
    return facts


def as_markdown(facts: list[SettingFacts]) -> str:
    """Return a Markdown table of settings.

    Args:
        facts: the settings, as `settings_reference` returns them.
    """
    lines = ["| setting | values | default | meaning |", "|---|---|---|---|"]
    for one in facts:
        presets = "".join(f"<br>{name}: `{value}`" for name, value in one.presets.items())
        cells = (f"`{one.name}`", one.values, f"`{one.default}`{presets}", one.meaning)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def settings_page() -> str:
    """Return the text of docs/settings.md. `python -m masa_model.settings.reference` prints it."""
    parts = [_PAGE]
    for title, kind in (("masa-pretrain", PretrainSettings), ("masa-finetune", FinetuneSettings)):
        parts.append(f"\n## {title}\n\n{as_markdown(settings_reference(kind))}")
    return "".join(parts)


def _fields(kind: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo, str]]:
    """Yield the dotted name, field and meaning of every setting."""
    meanings = attribute_texts(kind)
    for name, field in kind.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _fields(field.annotation, f"{prefix}{name}.")
        else:
            yield prefix + name, field, meanings[name]


def attribute_texts(kind: type[BaseModel]) -> dict[str, str]:
    """Return the description of each attribute in a model's docstring.

    Args:
        kind: the model; its docstring has a section `Attributes:`.

    Returns:
        the description of each attribute, by name.
    """
    section = inspect.cleandoc(kind.__doc__ or "").partition("Attributes:\n")[2]
    parts = _ENTRY.split(section)
    return {name: " ".join(text.split()) for name, text in zip(parts[1::2], parts[2::2], strict=True)}


def _values(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _values(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _shown(value: object) -> str:
    """Format a value as in TOML."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if value == "":
        return '""'
    if isinstance(value, list | tuple):
        return "[" + ", ".join(f"'{part}'" if isinstance(part, str) else _shown(part) for part in value) + "]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _values_of(field: FieldInfo) -> str:
    """Describe the type of a setting in words, with its range."""
    return ", ".join([_type_in_words(field.annotation), *_bounds(field.metadata)])


def _bounds(entries: Iterable[object]) -> list[str]:
    """List the bounds in the metadata of an annotation, such as "≥ 0"."""
    found = [(sign, getattr(entry, name, None)) for entry in entries for name, sign in _BOUNDS.items()]
    return [f"{sign} {bound:,}" for sign, bound in found if bound is not None and bound < _LARGEST_SHOWN]


def _type_in_words(kind: Any) -> str:  # noqa: ANN401  # an annotation
    if get_origin(kind) is Literal:
        return " or ".join(map(str, get_args(kind)))
    if hasattr(kind, "__metadata__"):  # Annotated
        entries = [bound for entry in kind.__metadata__ for bound in (entry, *getattr(entry, "metadata", ()))]
        return ", ".join([_type_in_words(get_args(kind)[0]), *_bounds(entries)])
    if get_origin(kind) is tuple:
        inner = [part for part in get_args(kind) if part is not Ellipsis]
        if Ellipsis in get_args(kind):
            return f"list of: {_type_in_words(inner[0])}"
        return f"{len(inner)} numbers"
    if get_args(kind):  # a union
        return " or ".join("none" if part is type(None) else _type_in_words(part) for part in get_args(kind))
    return {"int": "whole number", "float": "number", "str": "text", "bool": "true or false"}.get(
        getattr(kind, "__name__", ""), str(kind)
    )


if __name__ == "__main__":
    sys.stdout.write(settings_page())
