from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

from masa_data.errors import DataError
from masa_data.estimators.mmpose.stand_ins import check_versions, non_maximum_suppression, stand_ins

COVERED = ("mmcv._ext", "xtcocotools", "mmdet", "torchvision", "munkres", "pkg_resources")


def install(folder, name, version):
    """What pip leaves of a distribution for importlib.metadata to find."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def test_they_are_gone_after_the_import(mmpose_installed):
    # A real mmdet, which MMPose imports where it is installed, stays.
    covered = [name for name in COVERED if name == "mmcv._ext" or importlib.util.find_spec(name) is None]
    before = {name: sys.modules.get(name) for name in covered}
    with stand_ins():
        import mmpose.apis  # noqa: F401
    assert {name: sys.modules.get(name) for name in covered} == before


def test_real_modules_are_not_covered(mmpose_installed, tmp_path):
    """With a real munkres on the path, MMPose gets that one. (In a process of its own: imports stay.)"""
    (tmp_path / "munkres.py").write_text("class Munkres:\n    real = True\n")
    code = (
        "from masa_data.estimators.mmpose.stand_ins import stand_ins\n"
        "with stand_ins():\n"
        "    import mmpose.codecs.associative_embedding as user\n"
        "assert user.Munkres.real"
    )
    subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{code}"], check=True
    )


@pytest.mark.parametrize(
    ("name", "version"), [("mmpose", "1.4.0"), ("mmengine", "0.11.0"), ("mmcv", "2.2.0")]
)
def test_versions_that_were_not_tried_are_refused(mmpose_installed, tmp_path, monkeypatch, name, version):
    install(tmp_path, name, version)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(DataError, match=rf"{name} {version} is installed, expected"):
        check_versions()


def test_without_mmpose_the_command_that_installs_it_is_given(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    with pytest.raises(DataError, match="mmpose is not installed") as caught:
        check_versions()
    assert "pip install" in caught.value.advice


def test_stand_ins_pass_for_modules_while_they_are_there(mmpose_installed):
    with stand_ins():
        assert importlib.util.find_spec("xtcocotools.coco") is not None
        assert importlib.util.find_spec("torchvision") is not None


def test_non_maximum_suppression(mmpose_installed):
    import torch

    boxes = torch.tensor([[0, 0, 10, 10], [1, 0, 11, 10], [20, 20, 30, 30], [0, 0, 10, 4]], dtype=torch.float)
    scores = torch.tensor([0.5, 0.9, 0.7, 0.8])
    # 0 and 1 share 90 of 110, 1 and 3 share 36 of 104.
    assert non_maximum_suppression(boxes, scores, 0.5, 0).tolist() == [1, 3, 2]
    assert non_maximum_suppression(boxes, scores, 0.3, 0).tolist() == [1, 2]
    assert non_maximum_suppression(boxes[:0], scores[:0], 0.5, 0).tolist() == []
