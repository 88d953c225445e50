"""Settings from a preset, a TOML file and single assignments; wrong names get the nearest right one."""

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
# What settings were called before: (section, name) → name. Old runs and commands are still understood.
_RENAMED: Final = {("masking", "share"): "min_moving_fraction", ("data", "place"): "storage"}
_RENAMED_SECTIONS: Final = {"optimiser": "optimizer"}


class RunSettings(BaseModel):
    """All settings of a run; unknown names are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def without_effect(self) -> dict[str, str]:
        """Names of settings that change nothing beside the others, each with why."""
        return {}


def resolve_settings(
    kind: type[Settings],
    *,
    config: Path | None = None,
    assignments: Sequence[str] = (),
    options: dict[str, Any] | None = None,
) -> Settings:
    """Put settings together; later arguments take precedence over earlier ones.

    Args:
        kind: which settings.
        config: a TOML file of them.
        assignments: "section.name=value", the value as in TOML (quotes around a word may be left out).
        options: values by name; None = not said.

    Raises:
        DataError: if the file cannot be read, or a name or a value is wrong.
    """
    try:
        return kind.model_validate(settings_said(config, assignments, options))
    except ValidationError as error:
        raise in_words(error, kind) from None


def settings_said(
    config: Path | None = None, assignments: Sequence[str] = (), options: dict[str, Any] | None = None
) -> dict[str, Any]:
    """What a file and a command line say together, group by group, before presets and defaults.

    Args:
        config: see resolve_settings, as for the others.
        assignments: likewise.
        options: likewise.

    Raises:
        DataError: if the file or an assignment cannot be read.
    """
    return merged(renamed(_read_toml(config)) if config else {}, said_values(assignments, options))


def said_values(assignments: Sequence[str] = (), options: dict[str, Any] | None = None) -> dict[str, Any]:
    """What a command line says of settings, group by group.

    Args:
        assignments: see resolve_settings.
        options: likewise.

    Raises:
        DataError: if an assignment cannot be read.
    """
    values = {name: value for name, value in (options or {}).items() if value is not None}
    for assignment in assignments:
        values = merged(values, _parsed(assignment))
    return renamed(values)


def renamed(values: dict[str, Any]) -> dict[str, Any]:
    """The same settings under the names that they have now; a RenamedWarning for each that had another.

    Args:
        values: settings, group by group.
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
    return values


def _warn(old: str, new: str) -> None:
    what = "setting" if "." in old else "group of settings"
    warnings.warn(f"the {what} {old} is now called {new}", RenamedWarning, stacklevel=4)


def grouped(named: Mapping[str, object]) -> dict[str, Any]:
    """Settings by dotted name, group by group: {"motion.interval": 5} is {"motion": {"interval": 5}}.

    Args:
        named: values by name; a group may also be a mapping.
    """
    values: dict[str, Any] = {}
    for name, value in named.items():
        for part in reversed(name.split(".")):
            value = {part: value}
        assert isinstance(value, dict)
        values = merged(values, value)
    return renamed(values)


def check_effects(settings: RunSettings, said: dict[str, Any]) -> None:
    """Check that nothing was said that changes nothing.

    A file of settings is not looked at: that of a run names all there are.

    Args:
        settings: as they came to be.
        said: `said_values`.

    Raises:
        DataError: if something was.
    """
    names = set(_leaves(said))
    for name, why in settings.without_effect().items():
        if name in names:
            raise DataError(f"the setting {name} has no effect: {why}", "Leave it out")


def setting_names(kind: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """All names, dotted."""
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
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits are mere ValueErrors
        raise DataError(f"{path} is no TOML ({error})", "Start from a run's settings.toml") from None


def _parsed(assignment: str) -> dict[str, Any]:
    name, equals, text = assignment.partition("=")
    if not equals:
        raise DataError(f"found the setting {assignment!r}, expected name=value", "As in motion.interval=5")
    try:
        value = tomllib.loads(f"value = {text.strip()}")["value"]
    except (ValueError, RecursionError):
        value = text.strip()
    for part in reversed(name.strip().split(".")):
        value = {part: value}
    assert isinstance(value, dict)
    return value


def merged(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Both, group by group; where both say something, the second holds."""
    together = dict(first)
    for name, value in second.items():
        both = isinstance(value, dict) and isinstance(together.get(name), dict)
        together[name] = merged(together[name], value) if both else value
    return together


def in_words(error: ValidationError, kind: type[BaseModel]) -> DataError:
    """The first thing that is wrong, in one line; a name that does not exist gets the nearest that does."""
    found = error.errors()[0]
    name = ".".join(str(part) for part in found["loc"] if not isinstance(part, int))
    if found["type"] == "extra_forbidden":
        return DataError(f"there is no setting {_short(name)}", _nearest(name, setting_names(kind)))
    said = found["msg"].removeprefix("Value error, ")
    value = "" if isinstance(found["input"], dict | BaseModel) else f" is {_short(found['input'])}"
    return DataError(f"the setting {name or 'given'}{value}: {said}", "Correct it")


def _leaves(values: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Dotted names of all values."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{name}.")
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
