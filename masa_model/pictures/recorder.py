"""What a run shows of itself: TensorBoard and pictures. The numbers are in metrics.jsonl."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from torch.utils.tensorboard import SummaryWriter

from masa_data.disk.new_files import write_whole
from masa_data.errors import DataError
from masa_model.training.run_folder import RunFolder

# With short epochs the curves would take longer to draw than their points to make.
_SECONDS_BETWEEN_CURVES: Final = 30.0


class Recorder:
    """Writes each epoch's record to TensorBoard, and pictures to both TensorBoard and the folder.

    No picture is worth a run: where one cannot be drawn, that is said and nothing else; of the curves, whose
    numbers are elsewhere, not even that.

    Args:
        folder: of the run.
        curves: draws the lines of metrics.jsonl (pictures/curves.py): anew now and then, and at the end.
        enabled: False in all processes but the first.
    """

    def __init__(
        self,
        folder: RunFolder,
        curves: Callable[[Sequence[dict[str, Any]]], Any] | None = None,
        *,
        enabled: bool = True,
    ) -> None:
        self._folder = folder
        self._curves = curves
        self._drawn = -_SECONDS_BETWEEN_CURVES
        self._writer = SummaryWriter(str(folder.path / "tensorboard")) if enabled else None

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._draw_curves()
            with suppress(Exception):  # what it still held is lost with the disk that was full
                self._writer.close()

    def add(self, record: dict[str, float]) -> None:
        """One epoch."""
        if self._writer is None:
            return
        with suppress(Exception):  # a full disk, above all; the numbers are in metrics.jsonl
            for name, value in record.items():
                if name not in ("epoch", "step"):
                    self._writer.add_scalar(name, value, int(record["step"]))
            self._writer.flush()
        if time.monotonic() - self._drawn >= _SECONDS_BETWEEN_CURVES:
            self._draw_curves()

    def picture(self, name: str, draw: Callable[[], Any], step: int) -> str | None:
        """One picture, into the folder and TensorBoard.

        Args:
            name: of its file, such as "masks.png"; without the ending, of its image in TensorBoard.
            draw: gives a matplotlib figure; a DataError says that there is nothing to draw.
            step: which it shows the model at.

        Returns:
            None if it was drawn, else a line that says why not.
        """
        if self._writer is None:
            return None
        # Here, not above: what needs no picture needs no matplotlib.
        from masa_model.pictures.style import pixels_of, png_of, style

        try:
            with style():
                png = png_of(draw())
            write_whole(self._folder.path / name, png)
            self._writer.add_image(Path(name).stem, pixels_of(png), step, dataformats="HWC")
        except DataError as error:
            return f"{name} is left out: {error}"
        except Exception as error:  # whatever it is, hours of training stand before it
            return f"{name} could not be drawn: {type(error).__name__}: {error}"
        return None

    def _draw_curves(self) -> None:
        """Into the folder alone: TensorBoard has the numbers, and would keep every one of these pictures."""
        from masa_model.pictures.style import png_of, style

        records = self._folder.read_metrics() if self._curves is not None else []
        if self._curves is not None and records:
            with suppress(Exception), style():
                write_whole(self._folder.path / "curves.png", png_of(self._curves(records)))
            self._drawn = time.monotonic()
