"""What somebody sees who installed extraction alone and goes on to train."""

import subprocess
import sys

import pytest

# As Python behaves where torch is not installed.
WITHOUT_TORCH = """
import importlib, sys
sys.modules["torch"] = None
importlib.import_module("masa_cli." + sys.argv[1]).main(sys.argv[2:])
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ("pretrain", "out.h5"),
        ("probe",),
        ("finetune", "out.h5"),
        ("evaluate", "--split", "test"),
        ("predict", "."),
        ("export", "--run", "run", "model.onnx"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_command_that_needs_torch_says_so_in_one_line(arguments, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, *arguments], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert (
        "this command needs torch, which is not installed. Install it: pip install 'masa-slr[train]'"
        in done.stderr
    )
    assert not list(tmp_path.iterdir())
