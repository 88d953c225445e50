"""Record a run for display: TensorBoard and pictures. The numbers are also in metrics.jsonl."""

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

# With short epochs, drawing the curves would take longer than training.
_SECONDS_BETWEEN_CURVES: Final = 30.0


class Recorder:
    """Writes the measurements of each epoch to TensorBoard, and pictures to TensorBoard and the folder.

    A picture that cannot be drawn is reported, but does not stop the run. Errors in the curves are not
    reported, because their numbers are in metrics.jsonl.

    Args:
        folder: folder of the run.
        curves: function that draws the lines of metrics.jsonl (pictures/curves.py); it is called from time to
            time and at the end.
        enabled: whether to write anything; False in all processes except the first.
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
            self._draw_curves(for_papers=True)
            with suppress(Exception):  # on a full disk, the remaining events are lost
                self._writer.close()

    def add(self, record: dict[str, float]) -> None:
        """Write the measurements of one epoch.

        Args:
            record: line of metrics.jsonl for the epoch.
        """
        if self._writer is None:
            return
        with suppress(Exception):  # for example a full disk; the numbers are in metrics.jsonl
            for name, value in record.items():
                if name not in ("epoch", "step"):
                    self._writer.add_scalar(name, value, int(record["step"]))
            self._writer.flush()
        if time.monotonic() - self._drawn >= _SECONDS_BETWEEN_CURVES:
            self._draw_curves()

    def picture(self, name: str, draw: Callable[[], Any], step: int) -> str | None:
        """Draw one picture, and write it to the folder, as PNG and as PDF, and to TensorBoard.

        Args:
            name: file name, such as "masks.png". The PDF is "masks.pdf", the image in TensorBoard "masks".
            draw: function that returns a matplotlib figure; it raises DataError if there is nothing to draw.
            step: training step of the model in the picture.

        Returns:
            None if the picture was drawn, else a line with the reason.
        """
        if self._writer is None:
            return None
        # Imported here, so that matplotlib is needed only for pictures.
        from masa_model.pictures.style import pdf_of, pixels_of, png_of, style

        path = self._folder.path / name
        try:
            with style():
                figure = draw()
                png, pdf = png_of(figure), pdf_of(figure, placed=True)
            write_whole(path, png)
            write_whole(path.with_suffix(".pdf"), pdf)
            self._writer.add_image(Path(name).stem, pixels_of(png), step, dataformats="HWC")
        except DataError as error:
            return f"{name} is left out: {error}"
        except Exception as error:  # no error of a picture may stop hours of training
            return f"{name} could not be drawn: {type(error).__name__}: {error}"
        return None

    def _draw_curves(self, *, for_papers: bool = False) -> None:
        """Write curves.png, and at the end also curves.pdf, to the folder.

        They are not written to TensorBoard, which has the numbers and would keep every version.
        """
        from masa_model.pictures.style import pdf_of, png_of, style

        records = self._folder.read_metrics() if self._curves is not None else []
        if self._curves is not None and records:
            with suppress(Exception), style():
                figure = self._curves(records)
                write_whole(self._folder.path / "curves.png", png_of(figure))
                if for_papers:
                    write_whole(self._folder.path / "curves.pdf", pdf_of(figure, placed=True))
            self._drawn = time.monotonic()
