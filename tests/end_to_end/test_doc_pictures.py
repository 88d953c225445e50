"""Every picture in README and docs is there, and under it stands the command that made it."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PICTURE = re.compile(r"!\[[^\]]*\]\(([^)\s]+)[^)]*\)|<img\b[^>]*?\bsrc=[\"']([^\"']+)")
CODE = re.compile(r"^```\w*\n(.*?)^```|^    (\S.*)$|`([^`]+)`", re.MULTILINE | re.DOTALL)
# What makes pictures here; a path such as `runs/curves.png` is no command.
COMMANDS = ("masa-", "make ", "chromium ", ".venv/bin/", "python ")


def pictures(text: str) -> list[tuple[str, str]]:
    """The file of each picture of a page, and the paragraph under it."""
    found = []
    for match in PICTURE.finditer(text):
        below = text[match.end() :].lstrip(" \n")
        end = below.find("\n```", 3) + 4 if below.startswith("```") else below.find("\n\n")
        found.append((match[1] or match[2], below[: end if end > 3 else None]))
    return found


def commands(paragraph: str) -> list[str]:
    lines = [line.strip() for parts in CODE.findall(paragraph) for line in "\n".join(parts).splitlines()]
    return [line for line in lines if line.removeprefix("$ ").startswith(COMMANDS)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_command_stands_under_each_picture(page):
    for name, paragraph in pictures(page.read_text(encoding="utf-8")):
        assert (page.parent / name).is_file(), f"{name} is missing"
        assert commands(paragraph), f"no command under {name}"


def test_each_picture_is_shown_by_a_page():
    shown = {
        (page.parent / name).resolve()
        for page in PAGES
        for name, _ in pictures(page.read_text(encoding="utf-8"))
    }
    assert set((ROOT / "docs" / "pictures").iterdir()) == shown


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("![a](a.png)\n\n<sub>`make demo`, `masa-inspect b`</sub>\n", ["make demo", "masa-inspect b"]),
        ("![a](a.png)\n\n```\nmasa-inspect b\n\nmasa-inspect c\n```\n", ["masa-inspect b", "masa-inspect c"]),
        ("![a](a.png)\n\nSome words of `a.png`.\n\n```\nmasa-inspect b\n```\n", []),
        ("<img alt='' src='a.png'>\n", []),
    ],
)
def test_a_picture_without_a_command_is_noticed(page, expected):
    ((name, paragraph),) = pictures(page)
    assert name == "a.png"
    assert commands(paragraph) == expected
