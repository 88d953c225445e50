"""What a run shows of itself: TensorBoard and a picture of the curves. The numbers are in metrics.jsonl."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any

from torch.utils.tensorboard import SummaryWriter

from masa_model.training.run_folder import RunFolder


class Recorder:
    """Writes each epoch's record to TensorBoard, and draws the curves anew.

    Args:
        folder: of the run.
        enabled: False in all processes but the first.
    """

    def __init__(self, folder: RunFolder, *, enabled: bool = True) -> None:
        self._folder = folder
        self._writer = SummaryWriter(str(folder.path / "tensorboard")) if enabled else None

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.close()

    def add(self, record: dict[str, float]) -> None:
        """One epoch."""
        if self._writer is None:
            return
        for name, value in record.items():
            if name not in ("epoch", "step"):
                self._writer.add_scalar(name, value, int(record["step"]))
        self._writer.flush()
        draw_curves(self._folder)


def draw_curves(folder: RunFolder) -> None:
    """curves.png: both losses, the contrastive accuracy and the share of masked frames over the epochs."""
    records = folder.read_metrics()
    panels = [
        ("motion loss", ["motion_loss"]),
        ("alignment loss", ["alignment_loss"]),
        ("shares", ["contrastive_accuracy", "masked_share", "clips_without_candidate"]),
        ("gradient at the encoder", ["motion_gradient", "alignment_gradient"]),
    ]
    figure = _figure(len(panels))
    for axes, (title, names) in zip(figure.axes, panels, strict=True):
        for name in names:
            axes.plot(
                *_curve(records, name), label=name.replace("_", " "), marker="." if len(records) < 9 else ""
            )
        axes.set_title(title)
        axes.set_xlabel("epoch")
        if len(names) > 1:
            axes.legend(frameon=False, fontsize="small")
    figure.axes[-1].set_yscale("log")
    figure.savefig(folder.path / "curves.png", dpi=110)


def _figure(panels: int) -> Any:  # noqa: ANN401  # matplotlib is typed by halves
    # No pyplot: it keeps global state and asks for a display.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4 * panels, 3.2), layout="constrained")
    figure.subplots(1, panels)
    return figure


def _curve(records: Sequence[dict[str, Any]], name: str) -> tuple[list[int], list[float]]:
    found = [(record["epoch"] + 1, record[name]) for record in records if name in record]
    return [epoch for epoch, _ in found], [value for _, value in found]
