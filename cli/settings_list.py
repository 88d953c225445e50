"""`--list-settings` of masa-pretrain and masa-finetune: print every setting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal

import click
from rich.table import Table

from .console import make_console

# Width of piped output: each setting stays on one line, so that grep finds it with its meaning.
_NEVER_WRAPPED: Final = 10_000


def list_settings_option(kind: Literal["pretrain", "finetune"]) -> Callable[[Any], Any]:
    """The option that prints all settings and ends the command.

    Args:
        kind: the command whose settings are printed.
    """

    def show(context: click.Context, parameter: click.Parameter, asked: bool) -> None:
        if not asked or context.resilient_parsing:
            return
        from masa_model.settings.finetune import FinetuneSettings
        from masa_model.settings.pretrain import PretrainSettings
        from masa_model.settings.reference import settings_reference

        console = make_console()
        between = "\n" if console.is_terminal else ", "
        if not console.is_terminal:
            console.width = _NEVER_WRAPPED
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for heading in ("setting", "default", "values", "meaning"):
            table.add_column(heading, overflow="fold")
        for one in settings_reference(PretrainSettings if kind == "pretrain" else FinetuneSettings):
            presets = "".join(f"{between}{name}: {value}" for name, value in one.presets.items())
            table.add_row(one.name, one.default + presets, one.values, one.meaning)
        with console.capture() as printed:
            console.print(table, soft_wrap=False)
        for line in printed.get().splitlines():
            click.echo(line.rstrip())
        context.exit()

    return click.option(
        "--list-settings",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=show,
        help="Print every setting for --set, with its default, range and meaning.",
    )
