"""Stand-ins for modules that MMPose imports but that top-down inference does not need.

`pip install mmpose` requires packages that need a compiler, an old NumPy, or gigabytes of space. A top-down
model imports only a few of their names and calls none of them (except `pkg_resources`, which answers here as
MMEngine expects for a package that is not installed). The stand-ins are in `sys.modules` only while MMPose is
imported and a model is built, so that no other library uses them. A module that is really installed is never
replaced.
"""

from __future__ import annotations

import importlib.machinery
import importlib.metadata
import importlib.util
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Final, NoReturn

from masa_data.errors import DataError, NotInstalledError
from masa_data.estimators.base import INSTALL_MMPOSE
from masa_data.machine.extras import installed_version, is_installed

# The versions with which the stand-ins were tested. Either distribution in a row provides the module.
TRIED_VERSIONS: Final[Mapping[tuple[str, ...], tuple[str, ...]]] = {
    ("mmpose",): ("1.3.2",),
    ("mmengine",): ("0.10.7",),
    ("mmcv-lite", "mmcv"): ("2.1.0",),
}
DETECTOR_VERSIONS: Final[Mapping[tuple[str, ...], tuple[str, ...]]] = {("mmdet",): ("3.3.0",)}


@contextmanager
def stand_ins() -> Iterator[None]:
    """Allow MMPose to be imported, and its models to be built, inside the `with` block.

    Raises:
        DataError: if MMPose or a library that it needs is missing, or its version was not tested.
    """
    check_versions()
    added = {name: module for name, module in _modules().items() if not _is_there(name)}
    sys.modules.update(added)
    try:
        with quietly():
            yield
    finally:
        for name, module in added.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]


@contextmanager
def quietly() -> Iterator[None]:
    """Suppress warnings of MMPose's libraries about each other and torch, which users cannot fix."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def check_versions(wanted: Mapping[tuple[str, ...], tuple[str, ...]] = TRIED_VERSIONS) -> None:
    """Check the installed versions, without importing anything.

    Args:
        wanted: alternative distributions of a module → the versions that were tested.

    Raises:
        DataError: if MMPose or a library that it needs is missing, or its version was not tested.
    """
    for names, tried in wanted.items():
        found = {name: version for name in names if (version := installed_version(name)) is not None}
        if not found:
            raise NotInstalledError(f"{names[0]} is not installed", f"Run {INSTALL_MMPOSE}")
        for name, version in found.items():
            if version not in tried:
                raise DataError(
                    f"{name} {version} is installed, expected {' or '.join(tried)}, "
                    "the versions that were tested with the replacements of its optional parts",
                    f"Run {INSTALL_MMPOSE}",
                )


def _modules() -> dict[str, ModuleType]:
    """Return every stand-in by name, parents before children."""
    return {
        # mmcv.ops loads its compiled kernels when imported; Deformable-DETR heads and mmdet import mmcv.ops.
        # Top-down models have no such layer. (RTMDet calls one function, non-maximum suppression, which is
        # provided in torch.)
        "mmcv._ext": _CompiledOperations("mmcv._ext"),
        # Reading and evaluation of COCO annotations. Its wheel is built for NumPy 1.
        "xtcocotools": _module("xtcocotools", mask=_module("xtcocotools.mask")),
        "xtcocotools.mask": _module("xtcocotools.mask"),
        "xtcocotools.coco": _module("xtcocotools.coco", COCO=_NeverCalled),
        "xtcocotools.cocoeval": _module("xtcocotools.cocoeval", COCOeval=_NeverCalled),
        # Two names for the loss of RTMO, a bottom-up model. If mmdet is installed, for RTMDet, it has them.
        "mmdet": _module("mmdet"),
        "mmdet.utils": _module("mmdet.utils", ConfigType=dict, reduce_mean=_NeverCalled),
        # Drawing of SimCC heat maps. There is no wheel for every version of torch.
        "torchvision": _module("torchvision"),
        "torchvision.transforms": _module("torchvision.transforms", ToPILImage=_NeverCalled),
        # Grouping of bottom-up associative embeddings.
        "munkres": _module("munkres", Munkres=_NeverCalled),
        # MMEngine asks it for the path of mmpose and, if the answer is "not found", asks importlib instead.
        # Setuptools does not contain it from version 82 on.
        "pkg_resources": _module(
            "pkg_resources", DistributionNotFound=_DistributionNotFoundError, get_distribution=_not_found
        ),
    }


class _NeverCalled:
    """Replaces a class or function that is imported and never used."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise DataError(
            "this MMPose model needs a part that is not installed",
            "Choose another model with {model}",
            model=...,
        )


class _DistributionNotFoundError(Exception):
    """Replaces pkg_resources' exception."""


def _not_found(name: str) -> NoReturn:
    raise _DistributionNotFoundError(name)


class _CompiledOperations(ModuleType):
    """Replaces MMCV's compiled kernels: has every name, but only non-maximum suppression works."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__spec__ = ModuleSpec(name, None)
        self.nms = non_maximum_suppression

    def __getattr__(self, name: str) -> type[_NeverCalled]:
        if name.startswith("__"):
            raise AttributeError(name)
        return _NeverCalled


def non_maximum_suppression(boxes: Any, scores: Any, iou_threshold: float, offset: int) -> Any:
    """Do the same as MMCV's compiled `nms`, in torch.

    Args:
        boxes: (N, 4) tensor of x0, y0, x1, y1, in pixels.
        scores: (N,) tensor.
        iou_threshold: of two boxes with a larger overlap, the one with the lower score is removed.
        offset: 1 if a box includes its last pixel, else 0.

    Returns:
        indices of the remaining boxes, highest score first.
    """
    import torch

    order = scores.argsort(descending=True)
    corners = boxes[order].float()
    low, high = corners[:, None, :2], corners[:, None, 2:]
    shared = (
        torch.minimum(high, high.transpose(0, 1)) - torch.maximum(low, low.transpose(0, 1)) + offset
    ).clamp(0)
    overlap = shared.prod(-1)
    area = (corners[:, 2:] - corners[:, :2] + offset).prod(-1)
    too_close = overlap > iou_threshold * (area[:, None] + area[None] - overlap)
    keep = torch.ones(len(order), dtype=torch.bool, device=boxes.device)
    for row in range(len(order)):
        if keep[row]:
            keep[row + 1 :] &= ~too_close[row, row + 1 :]
    return order[keep]


def _module(name: str, **attributes: object) -> ModuleType:
    module = ModuleType(name)
    module.__spec__ = ModuleSpec(name, None, is_package=True)
    module.__path__ = []
    module.__dict__.update(attributes)
    return module


def _is_there(name: str) -> bool:
    """Return whether the real module is installed; for a submodule, whether its package is."""
    if name == "mmcv._ext":
        mmcv = importlib.util.find_spec("mmcv")
        return mmcv is not None and _has_extension(mmcv)
    return is_installed(name.partition(".")[0])


def _has_extension(package: ModuleSpec) -> bool:
    finder = importlib.machinery.PathFinder
    return finder.find_spec("mmcv._ext", list(package.submodule_search_locations or ())) is not None
