"""Sizes that the house keeps to: files under 300 lines, functions of at most six parameters."""

import ast
from pathlib import Path

import pytest

import masa_data
import masa_model

ROOT = Path(__file__).parent.parent
FILES = sorted(path for package in ("masa_data", "masa_model") for path in (ROOT / package).rglob("*.py"))
MOST_LINES = 300
MOST_PARAMETERS = 6
# What a user calls may have more, all but the first two by name alone. `open` counts its class method too.
PUBLIC = {*masa_data.__all__, *masa_model.__all__, "open"}


def parameters(function: ast.FunctionDef) -> list[ast.arg]:
    found = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return found[1:] if found and found[0].arg in ("self", "cls") else found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_one_idea(path):
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") < MOST_LINES
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        found = parameters(node)
        if node.name not in PUBLIC:
            assert len(found) <= MOST_PARAMETERS, f"{node.name} has {len(found)} parameters"
        elif len(found) > MOST_PARAMETERS:
            by_place = [arg for arg in found if arg not in node.args.kwonlyargs]
            assert len(by_place) <= 2, f"{node.name} takes {len(by_place)} parameters by their place"


@pytest.mark.parametrize("package", [masa_data, masa_model], ids=["masa_data", "masa_model"])
def test_all_that_is_promised_is_there_and_described(package):
    for name in package.__all__:
        found = getattr(package, name)
        assert name == "__version__" or (
            found.__doc__ and found.__doc__.strip().partition("\n")[0].endswith(".")
        )
