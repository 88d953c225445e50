"""Read settings from presets, TOML files and single assignments; an unknown name gets a suggestion."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from masa_data.errors import DataError, RenamedWarning

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Settings = TypeVar("Settings", bound=BaseModel)
_LONGEST_SHOWN: Final = 100
# Old names of settings: (group, old name) → new name. Old runs and commands can still use the old names.
_RENAMED: Final = {("masking", "share"): "min_moving_fraction", ("data", "place"): "storage"}
_RENAMED_SECTIONS: Final = {"optimiser": "optimizer"}
# Clips are prepared on the host, from where a batch reaches a GPU faster than it is used.
_RENAMED_VALUES: Final = {("data", "storage", "gpu"): "memory"}


class RunSettings(BaseModel):
    """Base class of the settings of a run; unknown names are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def without_effect(self) -> dict[str, str]:
        """Return the settings that have no effect together with the others, each with the reason."""
        return {}


def resolve_settings(
    kind: type[Settings],
    *,
    config: Path | None = None,
    assignments: Sequence[str] = (),
    options: dict[str, Any] | None = None,
) -> Settings:
    """Combine settings from several sources; later arguments take precedence over earlier ones.

    Args:
        kind: class of the settings, such as PretrainSettings.
        config: TOML file of settings; None = no file.
        assignments: assignments "group.name=value", with the value as in TOML; quotes around a word are
            optional.
        options: values by name, grouped as in the TOML file; None = the option was not given.

    Returns:
        the settings, with presets and defaults filled in.

    Raises:
        DataError: if the file cannot be read, or if a name or a value is wrong.
    """
    try:
        return kind.model_validate(settings_said(config, assignments, options))
    except ValidationError as error:
        raise in_words(error, kind) from None


def settings_said(
    config: Path | None = None, assignments: Sequence[str] = (), options: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Combine the settings of a file and a command line, before presets and defaults are applied.

    Args:
        config: TOML file of settings; None = no file.
        assignments: assignments, as for resolve_settings.
        options: values by name, as for resolve_settings.

    Returns:
        the explicitly given settings, by group.

    Raises:
        DataError: if the file or an assignment cannot be read.
    """
    return merged(renamed(_read_toml(config)) if config else {}, said_values(assignments, options))


def said_values(assignments: Sequence[str] = (), options: dict[str, Any] | None = None) -> dict[str, Any]:
    """Combine the settings of a command line.

    Args:
        assignments: assignments, as for resolve_settings.
        options: values by name, as for resolve_settings.

    Returns:
        the explicitly given settings, by group.

    Raises:
        DataError: if an assignment cannot be read.
    """
    values = {name: value for name, value in (options or {}).items() if value is not None}
    for assignment in assignments:
        values = merged(values, _parsed(assignment))
    return renamed(values)


def renamed(values: dict[str, Any]) -> dict[str, Any]:
    """Replace old names and values of settings with the current ones, with a RenamedWarning for each.

    Args:
        values: settings by group.
    """
    for old, new in _RENAMED_SECTIONS.items():
        if old in values and new not in values:
            _warn(old, new)
            values = {new if name == old else name: value for name, value in values.items()}
    for (section, old), new in _RENAMED.items():
        group = values.get(section)
        if isinstance(group, dict) and old in group and new not in group:
            _warn(f"{section}.{old}", f"{section}.{new}")
            group = {new if name == old else name: value for name, value in group.items()}
            values = {**values, section: group}
    for (section, name, old_value), new_value in _RENAMED_VALUES.items():
        group = values.get(section)
        if isinstance(group, dict) and group.get(name) == old_value:
            _warn(f"{section}.{name} = {old_value}", f"{section}.{name} = {new_value}")
            values = {**values, section: {**group, name: new_value}}
    return values


def _warn(old: str, new: str) -> None:
    what = "setting" if "." in old else "group of settings"
    warnings.warn(f"the {what} {old} is now called {new}", RenamedWarning, stacklevel=4)


def grouped(named: Mapping[str, object]) -> dict[str, Any]:
    """Group settings with dotted names: {"motion.interval": 5} becomes {"motion": {"interval": 5}}.

    Args:
        named: values by dotted name; a group can also be given as a mapping.
    """
    values: dict[str, Any] = {}
    for name, value in named.items():
        for part in reversed(name.split(".")):
            value = {part: value}
        assert isinstance(value, dict)
        values = merged(values, value)
    return renamed(values)


def check_effects(settings: RunSettings, said: dict[str, Any]) -> None:
    """Check that every explicitly given setting has an effect.

    Settings of a file are not checked: the settings.toml of a run contains all settings.

    Args:
        settings: the resolved settings.
        said: the explicitly given settings by group, as `said_values` returns them.

    Raises:
        DataError: if a given setting has no effect.
    """
    for name, why in said_without_effect(settings, said).items():
        raise DataError(f"the setting {name} has no effect: {why}", "Leave it out")


def said_without_effect(settings: RunSettings, said: dict[str, Any]) -> dict[str, str]:
    """Return the explicitly given settings that have no effect, each with the reason.

    Args:
        settings: the resolved settings.
        said: the explicitly given settings by group, as `said_values` returns them.
    """
    names = set(leaves(said))
    return {name: why for name, why in settings.without_effect().items() if name in names}


def setting_names(kind: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Yield the dotted names of all settings.

    Args:
        kind: class of the settings.
        prefix: text before each name, such as "motion.".
    """
    for name, field in kind.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from setting_names(field.annotation, f"{prefix}{name}.")
        else:
            yield prefix + name


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror})", "Check the path") from None
    except (ValueError, RecursionError) as error:  # a number with thousands of digits is a plain ValueError
        raise DataError(f"{path} is not valid TOML ({error})", "Start from a run's settings.toml") from None


def _parsed(assignment: str) -> dict[str, Any]:
    name, equals, text = assignment.partition("=")
    if not equals:
        raise DataError(
            f"found the setting {assignment!r}, expected name=value", "For example: motion.interval=5"
        )
    try:
        value = tomllib.loads(f"value = {text.strip()}")["value"]
    except (ValueError, RecursionError):
        value = text.strip()
    for part in reversed(name.strip().split(".")):
        value = {part: value}
    assert isinstance(value, dict)
    return value


def merged(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Merge two groups of settings, also within their groups; the values of `second` take precedence."""
    together = dict(first)
    for name, value in second.items():
        both = isinstance(value, dict) and isinstance(together.get(name), dict)
        together[name] = merged(together[name], value) if both else value
    return together


def in_words(error: ValidationError, kind: type[BaseModel]) -> DataError:
    """Return the first validation error as a DataError; for an unknown name, suggest the most similar one."""
    found = error.errors()[0]
    name = ".".join(str(part) for part in found["loc"] if not isinstance(part, int))
    if found["type"] == "extra_forbidden":
        return DataError(f"there is no setting {_short(name)}", _nearest(name, setting_names(kind)))
    said = found["msg"].removeprefix("Value error, ")
    value = "" if isinstance(found["input"], dict | BaseModel) else f" is {_short(found['input'])}"
    return DataError(f"the setting {name or 'given'}{value}: {said}", "Correct it")


def leaves(values: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield the dotted names of all values.

    Args:
        values: settings by group.
        prefix: text before each name, such as "motion.".
    """
    for name, value in values.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"


def _nearest(name: str, names: Iterable[str]) -> str:
    known = list(names)
    last = {known_name.split(".")[-1]: known_name for known_name in known}
    name = name[:_LONGEST_SHOWN]
    near = get_close_matches(name, known, n=1, cutoff=0) or known[:1]
    by_last_word = get_close_matches(name.split(".")[-1], last, n=1, cutoff=0.8)
    return f"Did you mean {last[by_last_word[0]] if by_last_word else near[0]}?"
