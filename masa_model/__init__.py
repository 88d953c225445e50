"""MASA: self-supervised pre-training on pose tracks, and sign recognition.

The names in `__all__` are the public interface; everything else may change. Each name is imported when it is
first used, so that settings can be read without importing torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from masa_data.version import VERSION

if TYPE_CHECKING:
    from masa_model.evaluation.evaluate import Evaluation
    from masa_model.network.encoder import PoseEncoder
    from masa_model.runs.public import evaluate, finetune, pretrain, probe
    from masa_model.runs.run import Run
    from masa_model.settings.finetune import FinetuneSettings
    from masa_model.settings.pretrain import PretrainSettings
    from masa_model.torch_dataset import TorchPoseDataset, pad_batch
    from masa_model.training.recognizer import Guess, Recognizer

__version__ = VERSION

__all__ = [
    "Evaluation",
    "FinetuneSettings",
    "Guess",
    "PoseEncoder",
    "PretrainSettings",
    "Recognizer",
    "Run",
    "TorchPoseDataset",
    "__version__",
    "evaluate",
    "finetune",
    "pad_batch",
    "pretrain",
    "probe",
]

_HOMES = {
    "Evaluation": "evaluation.evaluate",
    "FinetuneSettings": "settings.finetune",
    "Guess": "training.recognizer",
    "PoseEncoder": "network.encoder",
    "PretrainSettings": "settings.pretrain",
    "Recognizer": "training.recognizer",
    "Run": "runs.run",
    "TorchPoseDataset": "torch_dataset",
    "evaluate": "runs.public",
    "finetune": "runs.public",
    "pad_batch": "torch_dataset",
    "pretrain": "runs.public",
    "probe": "runs.public",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
