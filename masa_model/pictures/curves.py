"""curves.png: the measurements in metrics.jsonl, over the epochs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from masa_model.pictures.style import GRAY, new_figure


@dataclass(frozen=True, slots=True)
class Panel:
    """One plot of the picture.

    Attributes:
        title: title of the plot.
        unit: label of its vertical axis.
        names: measurements to plot: the name in metrics.jsonl, and the name in the legend.
        scale: factor by which values are multiplied.
        logarithmic: whether the vertical axis is logarithmic.
    """

    title: str
    unit: str
    names: dict[str, str]
    scale: float = 1.0
    logarithmic: bool = False


_PRETRAINING = (
    Panel("motion loss $L_m$", "squared error, scaled", {"motion_loss": "train"}),
    Panel("alignment loss $L_s$", "nats", {"alignment_loss": "train"}),
    Panel(
        "shares",
        "%",
        {
            "contrastive_accuracy": "own key is nearest",
            "masked_share": "frames masked",
            "clips_without_candidate": "clips without candidate",
        },
        100,
    ),
    Panel(
        "gradient at the encoder",
        "norm",
        {"motion_gradient": "of $L_m$", "alignment_gradient": r"of $\lambda_s L_s$"},
        logarithmic=True,
    ),
)
_FINETUNING = (
    Panel("loss", "cross-entropy, nats", {"loss": "train", "val_loss": "val"}),
    Panel("right answers (top-1)", "% of the clips", {"accuracy": "train", "val_accuracy": "val"}, 100),
    Panel("learning rate", "η", {"learning_rate": "learning rate"}, logarithmic=True),
)


def pretraining_curves(records: Sequence[dict[str, Any]]) -> Figure:
    """Draw the curves of pre-training: losses, fractions, gradients, and accuracies of probes, if any.

    Args:
        records: lines of metrics.jsonl.
    """
    panels = list(_PRETRAINING)
    if probes := sorted({name for record in records for name in record if name.startswith("val_")}):
        named = {name: name.removeprefix("val_").replace("_", ", ") for name in probes}
        panels.append(Panel("probe on val, clips a class", "% right", named, 100))
    return _drawn(panels, records)


def finetuning_curves(records: Sequence[dict[str, Any]]) -> Figure:
    """Draw the curves of fine-tuning: loss and accuracy on train and val, learning rate, and the best epoch.

    Args:
        records: lines of metrics.jsonl.
    """
    figure = _drawn(_FINETUNING, records)
    chosen = [record["best_epoch"] for record in records if record.get("best_epoch", -1) >= 0]
    if chosen:
        for axes in figure.axes[:2]:  # the plots that show val
            axes.axvline(chosen[-1] + 1, color=GRAY, linewidth=0.8, linestyle=":", label="best on val")
            _legend(axes)
    return figure


def curve(records: Sequence[dict[str, Any]], name: str) -> tuple[list[int], list[float]]:
    """Return the epochs, from 1, that have a measurement, and its values.

    Args:
        records: lines of metrics.jsonl.
        name: name of the measurement.
    """
    found = [(record["epoch"] + 1, record[name]) for record in records if name in record]
    return [epoch for epoch, _ in found], [value for _, value in found]


def _legend(axes: Axes) -> None:
    """Draw the legend below the axes, where it does not cover a curve."""
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2))


def _drawn(panels: Sequence[Panel], records: Sequence[dict[str, Any]]) -> Figure:
    figure = new_figure(3.3 * len(panels), 3.3)
    for place, panel in enumerate(panels):
        axes = figure.add_subplot(1, len(panels), place + 1)
        drawn = 0
        for name, called in panel.names.items():
            epochs, values = curve(records, name)
            if not epochs:
                continue
            few = "." if len(epochs) < 9 else ""
            axes.plot(epochs, [panel.scale * value for value in values], label=called, marker=few)
            drawn += 1
        axes.set(title=panel.title, xlabel="epoch", ylabel=panel.unit)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        if panel.unit.startswith("%"):
            axes.set_ylim(-2, 102)
        if panel.logarithmic:
            axes.set_yscale("log")
        if drawn > 1:
            _legend(axes)
    return figure
