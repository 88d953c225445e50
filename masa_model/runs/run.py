"""The results of a run, for use from Python."""

from __future__ import annotations

import base64
import html
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from masa_data.errors import DataError, NotInstalledError
from masa_model.network.encoder import PoseEncoder
from masa_model.training.checkpoint import CheckpointHeader, read_header
from masa_model.training.pretrained import load_pretrained
from masa_model.training.recognizer import Recognizer
from masa_model.training.run_folder import BEST, RunFolder

if TYPE_CHECKING:
    import pandas

_SHOWN = ("loss", "motion_loss", "alignment_loss", "masked_share", "accuracy", "val_accuracy")


class Run:
    """The results of a run of pre-training or fine-tuning.

    Args:
        path: folder of the run.

    Raises:
        DataError: if the folder contains no checkpoint.

    Example:
        >>> run = Run("runs/finetune-001")  # doctest: +SKIP
        >>> run.metrics[-1]["val_accuracy"]  # doctest: +SKIP
        0.91
    """

    def __init__(self, path: str | Path) -> None:
        self._folder = RunFolder(Path(path))
        self._header = read_header(self.checkpoint)

    @property
    def path(self) -> Path:
        """Folder of the run."""
        return self._folder.path

    @property
    def kind(self) -> str:
        """Kind of run: "pretraining" or "recogniser"."""
        return self._header.kind

    @property
    def checkpoint(self) -> Path:
        """The checkpoint to use: the best epoch on val, or the last epoch if there were no val clips."""
        best = self._folder.checkpoints / BEST
        return best if best.exists() else self._folder.last

    @property
    def finished(self) -> bool:
        """Whether the run has completed all of its steps."""
        last: CheckpointHeader = read_header(self._folder.last)
        return last.step == last.steps

    @property
    def files(self) -> tuple[Path, ...]:
        """The files of pose tracks that the run was trained on."""
        return self._folder.files()

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """The measurements of each epoch, as in metrics.jsonl."""
        return self._folder.read_metrics()

    def to_pandas(self) -> pandas.DataFrame:
        """Return the metrics as a table with one row for each epoch.

        Raises:
            NotInstalledError: if pandas is not installed.
        """
        try:
            import pandas
        except ImportError:
            raise NotInstalledError("pandas is not installed", "pip install pandas") from None
        return pandas.DataFrame(self.metrics).set_index("epoch")

    def encoder(self, device: str | torch.device = "cpu") -> PoseEncoder:
        """Load the trained encoder, in evaluation mode.

        Args:
            device: device to load the encoder to.
        """
        if self.kind == "recogniser":
            return Recognizer.load(self.checkpoint, device).model.encoder
        model, _, _ = load_pretrained(self.checkpoint)
        return model.query.encoder.to(device)

    def recognizer(self, device: str | torch.device = "cpu") -> Recognizer:
        """Load the fine-tuned recognizer.

        Args:
            device: device to load the recognizer to.

        Raises:
            DataError: if this is a run of pre-training.
        """
        if self.kind != "recogniser":
            raise DataError(
                f"{self.path} is a run of pre-training, expected one of fine-tuning",
                "Fine-tune from it first",
            )
        return Recognizer.load(self.checkpoint, device)

    def __repr__(self) -> str:
        lines = [
            f"Run({str(self.path)!r}): {self.kind}, step {self._header.step:,} of {self._header.steps:,}"
        ]
        for record in self.metrics[-1:]:
            shown = [f"{name} {record[name]:.3f}" for name in _SHOWN if name in record]
            lines.append(f"  epoch {record['epoch'] + 1:.0f}: " + ", ".join(shown))
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """Show the run in a notebook: its summary and its training curves."""
        text = f"<pre>{html.escape(repr(self))}</pre>"
        curves = self.path / "curves.png"
        if curves.is_file():
            image = base64.b64encode(curves.read_bytes()).decode()
            text += (
                f'<img alt="training curves" style="max-width: 640px" src="data:image/png;base64,{image}">'
            )
        return text
