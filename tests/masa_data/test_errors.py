"""Errors name arguments in the words of whoever reads them, and no text of the library names an option."""

import ast
import copy
import pickle
import re
from pathlib import Path

import pytest

from masa_data.errors import DataError, ExistsError, UnknownClipError

ROOT = Path(__file__).parent.parent.parent
# Whole commands may be named, of ours or of others.
COMMAND = re.compile(r"(masa-\w+|pip install|OpenPose|--root ROOT)[^;]*?(?= --)")


def as_option(name, value):
    return f"--{name}" if value in (True, ...) else f"--{name} {value}"


def test_arguments_are_said_in_words_of_python_or_of_ones_own():
    error = ExistsError("{out} of {size} exists", "Use {overwrite}, not {size}", overwrite=True, size=...)
    assert str(error) == "{out} of size exists. Use overwrite=True, not size."
    assert error.reason_in(as_option) == "{out} of --size exists"
    assert error.advice_in(as_option) == "Use --overwrite, not --size"
    for again in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error)):
        assert type(again) is ExistsError
        assert str(again) == str(error)
        assert again.advice_in(as_option) == error.advice_in(as_option)


def test_an_error_is_given_more_advice_and_a_subject():
    error = ExistsError("found a {brace}", "Use {overwrite}", overwrite=True)
    more = error.followed_by(" because of {strict}", strict=...).about("a.h5")
    assert type(more) is ExistsError
    assert str(more) == "a.h5: found a {brace}. Use overwrite=True because of strict."
    plain = DataError("found {this}", "Do {that}").followed_by(" or {other}", other=3)
    assert str(plain) == "found {this}. Do {that} or other=3."


def test_an_unknown_clip_reads_as_a_sentence_though_it_is_a_key_error():
    error = UnknownClipError("there is no clip 'a'", "Similar: b")
    assert isinstance(error, KeyError)
    assert str(error) == "there is no clip 'a'. Similar: b."


@pytest.mark.parametrize("path", sorted((ROOT / "masa_data").rglob("*.py")), ids=lambda path: path.name)
def test_no_text_of_the_library_names_an_option(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    described = {
        node.body[0].value
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Module))
        if node.body and isinstance(node.body[0], ast.Expr)
    }
    texts = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in described
    ]
    named = [text for text in texts if re.search(r"(^|[\s(])--[a-z]", text) and not COMMAND.search(text)]
    # Of a command that the text begins with and a value in its middle parts, the rest stands alone.
    assert [text for text in named if not text.startswith(" --root ROOT")] == []
