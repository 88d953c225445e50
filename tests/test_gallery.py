"""The gallery shows every picture of the documentation with the command that made it."""

import re
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"


def test_every_picture_is_shown_with_its_command():
    shown = dict(
        re.findall(
            r"^\| !\[[^]]+\]\(pictures/([^)]+)\) \| (`.+) \|$", (DOCS / "gallery.md").read_text(), re.M
        )
    )
    assert set(shown) == {path.name for path in (DOCS / "pictures").iterdir()}
    assert [name for name, command in shown.items() if not command.startswith(("`masa-", "`make "))] == []
