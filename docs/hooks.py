"""Fills the pages of the API reference with what the packages promise, when the site is built."""

from __future__ import annotations

import importlib

PAGES = {"api/masa_data.md": "masa_data", "api/masa_model.md": "masa_model"}


def on_page_markdown(markdown: str, page: object, **_: object) -> str:
    """Add an entry for each public name, at the place where it is defined.

    Args:
        markdown: of the page.
        page: as MkDocs has it.
    """
    package = PAGES.get(page.file.src_uri)  # type: ignore[attr-defined]
    return markdown if package is None else markdown + reference(package)


def reference(package: str) -> str:
    """The directives of mkdocstrings for all public names of a package, functions and classes first.

    Args:
        package: its name.
    """
    module = importlib.import_module(package)
    names = [name for name in module.__all__ if not name.startswith("__")]
    lines = []
    for name in sorted(names, key=str.lower):
        found = getattr(module, name)
        lines.append(f"\n::: {getattr(found, '__module__', package)}.{name}\n")
    return "".join(lines)
