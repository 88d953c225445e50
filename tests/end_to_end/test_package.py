"""What `pip install .` brings: an editable install, on which tests run, has files that a wheel may lack."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
INSTALLED_AS = {
    "masa_data": "masa_data",
    "masa_model": "masa_model",
    "cli": "masa_cli",
    "recipes": "masa_recipes",
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, unpacked."""
    folder = tmp_path_factory.mktemp("package")
    source = folder / "source"
    source.mkdir()
    for name in INSTALLED_AS:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    build = ["wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(source)]
    subprocess.run([sys.executable, "-m", "pip", *build], check=True)
    (built,) = folder.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        archive.extractall(folder / "unpacked")
    return folder / "unpacked"


def test_the_wheel_has_every_file_of_the_packages(wheel):
    for name, installed in INSTALLED_AS.items():
        wanted = {path.relative_to(ROOT / name) for path in (ROOT / name).rglob("*") if path.is_file()}
        wanted = {path for path in wanted if "__pycache__" not in path.parts}
        found = {
            path.relative_to(wheel / installed) for path in (wheel / installed).rglob("*") if path.is_file()
        }
        assert found == wanted


def test_the_commands_run_from_the_wheel(wheel, tmp_path):
    (scripts,) = wheel.glob("*.dist-info/entry_points.txt")
    commands = [line.split(" = ")[1] for line in scripts.read_text().splitlines() if " = " in line]
    assert len(commands) == 13
    say_help = f"""
import importlib, sys
sys.path.insert(0, {str(wheel)!r})
for command in {commands!r}:
    module, function = command.split(":")
    found = importlib.import_module(module)
    assert found.__file__.startswith({str(wheel)!r}), found.__file__
    try:
        getattr(found, function)(["--help"])
    except SystemExit as end:
        assert not end.code, command
"""
    done = subprocess.run([sys.executable, "-c", say_help], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Usage:") == len(commands)
