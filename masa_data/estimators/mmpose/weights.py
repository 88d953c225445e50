"""Reads only tensors from a checkpoint: no code in it is run, and no object in it is created."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from masa_data.errors import DataError
from masa_data.estimators.mmpose.stand_ins import quietly

# What MMPose's checkpoints contain besides tensors: information on the training, as NumPy arrays and
# MMEngine's loss histories (which pickle their methods by getattr). Each of these names becomes an _Ignored.
_IGNORED_NAMES: Final = (
    "builtins.getattr",
    "_codecs.encode",
    "mmengine.logging.history_buffer.HistoryBuffer",
    "numpy.ndarray",
    "numpy.dtype",
    "numpy.core.multiarray._reconstruct",
    "numpy._core.multiarray._reconstruct",
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray.scalar",
    "numpy._core.numeric._frombuffer",
)
_UNREADABLE: Final = (
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    RuntimeError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
)


class _Ignored:
    """Replaces any object in a checkpoint that is not a tensor."""

    def __new__(cls, *args: object, **kwargs: object) -> _Ignored:
        return super().__new__(cls)

    def __init__(self, *args: object, **kwargs: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


def load_weights(model: Any, path: Path, name: str, argument: str, unneeded: tuple[str, ...]) -> None:
    """Load a checkpoint's weights into a model.

    Args:
        model: a torch module.
        path: the checkpoint.
        name: name of the model, for messages.
        argument: name of the argument with the checkpoint, for messages.
        unneeded: beginnings of the names of weights that the model may lack.

    Raises:
        DataError: if it cannot be read, or its weights do not belong to this model.
    """
    try:
        missing, unexpected = model.load_state_dict(read_state_dict(path, argument), strict=False)
    except RuntimeError as error:  # a tensor of another shape
        missing, unexpected = [str(error).strip().splitlines()[-1].strip()], []
    unexpected = [key for key in unexpected if not key.startswith(unneeded)]
    if missing or unexpected:
        raise DataError(
            f"{path} does not fit {name}: {len(missing)} weights missing, {len(unexpected)} unknown, "
            f"first {(missing + unexpected)[0]}",
            "Choose the model that it belongs to with {model}"
            if argument == "checkpoint"
            else f"Give {{{argument}}} weights of that model, or leave it out",
            **{argument: ..., "model": ...},
        )


def read_state_dict(path: Path, argument: str = "checkpoint") -> dict[str, Any]:
    """Read the weights in a checkpoint of MMPose, or in a plain state dict.

    Args:
        path: the file, as torch.save writes it.
        argument: name of the argument with the checkpoint, for messages.

    Returns:
        CPU tensors by name.

    Raises:
        DataError: if it is damaged, or contains anything other than tensors and plain values.
    """
    import torch

    def refused(reason: str) -> DataError:
        advice = f"Give {{{argument}}} one from MMPose's model zoo, or leave it out"
        return DataError(reason, advice, **{argument: ...})

    if not hasattr(torch.serialization, "safe_globals"):
        raise DataError(f"torch {torch.__version__} is installed, expected 2.6 or later", "Upgrade torch")
    try:
        with quietly(), torch.serialization.safe_globals([(_Ignored, name) for name in _IGNORED_NAMES]):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except _UNREADABLE as error:
        lines = [line.strip() for line in str(error).splitlines()] or [type(error).__name__]
        forbidden = next((line for line in lines if "GLOBAL" in line), None)
        if forbidden is not None:
            raise refused(f"{path} has more than weights and was not loaded ({forbidden[:120]})") from None
        raise refused(f"{path} cannot be read as a checkpoint ({lines[0][:120]})") from None
    states = content.get("state_dict", content) if isinstance(content, Mapping) else None
    if not isinstance(states, Mapping):
        raise refused(f"{path} contains no weights by name")
    tensors = {str(name): value for name, value in states.items() if isinstance(value, torch.Tensor)}
    if not tensors:
        raise refused(f"{path} contains no weights by name")
    return tensors
