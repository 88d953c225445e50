"""masks.png: how many frames of each clip are candidates and masked (Alg. 1), and where in the clips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from masa_data.errors import DataError
from masa_data.shards.dataset import PoseDataset
from masa_model.inputs.augment import query_view
from masa_model.inputs.masking import mask_interval, masks_of
from masa_model.inputs.motion import Motion
from masa_model.inputs.parts import prepare_clips
from masa_model.inputs.sources import StreamedClips
from masa_model.network.features import some_in_order
from masa_model.pictures.style import BLUE, GRAY, ORANGE, new_figure
from masa_model.settings.pretrain import PretrainSettings

# Maximum number of clips that are counted; fractions are then precise to about one percent.
MOST_CLIPS: Final = 2000
PLACES: Final = 20
_BINS: Final = np.linspace(0, 1, 21).tolist()


@dataclass(frozen=True, slots=True)
class MaskCounts:
    """The numbers to draw, for N clips. If parts are masked separately, each part is a third of a frame.

    Attributes:
        frames: (N,) number of frames that the network uses.
        candidates: (N,) number of these frames that are candidates for masking.
        masked: (N,) number of these frames that are masked.
        candidates_by_place: (PLACES,) fraction of candidates among the frames in each twentieth of a clip;
            NaN = no frames.
        masked_by_place: (PLACES,) fraction of masked frames, in the same form.
        of: number of clips from which the N clips were chosen.
    """

    frames: NDArray[np.int64]
    candidates: NDArray[np.float64]
    masked: NDArray[np.float64]
    candidates_by_place: NDArray[np.float64]
    masked_by_place: NDArray[np.float64]
    of: int

    @property
    def without(self) -> float:
        """Fraction of clips without any candidate frame."""
        return float((self.candidates == 0).mean())


def count_masks(clips: PoseDataset, settings: PretrainSettings, most: int = MOST_CLIPS) -> MaskCounts:
    """Count the candidates and masked frames of clips in the first epoch of a run.

    Args:
        clips: training clips of the run.
        settings: settings of the run.
        most: maximum number of clips; the choice is always the same.

    Returns:
        the numbers to draw.

    Raises:
        DataError: if there are no clips.
    """
    if not len(clips):
        raise DataError("there are no clips", "Give files that contain clips")
    lengths, candidates, masked = [], [], []
    interval = mask_interval(settings.masking, settings.motion)
    # Read clips as needed, because all clips of the run may not fit into memory.
    for raw in StreamedClips(clips).batches(some_in_order(len(clips), most)):
        batch = prepare_clips(raw, settings.inputs.crop_reference, settings.inputs.max_frames)
        batch = query_view(batch, settings.augment, (settings.seed, 0))
        hidden, found = masks_of(Motion(batch), settings.masking, interval, (settings.seed, 0))
        if settings.masking.mask_set == "union":  # all parts are masked together
            found = found.any(0, keepdim=True)
        lengths.append(batch.lengths.numpy())
        masked.append(hidden.float().mean(0).numpy().astype(np.float64))
        candidates.append(found.float().mean(0).numpy().astype(np.float64))
    return counted(np.concatenate(lengths), np.concatenate(candidates), np.concatenate(masked), of=len(clips))


def counted(
    lengths: NDArray[np.int64], candidates: NDArray[np.float64], masked: NDArray[np.float64], of: int
) -> MaskCounts:
    """Sum packed frames by clip and by position in the clip.

    Args:
        lengths: (N,) number of frames of each clip, at least 1.
        candidates: (F,) fraction of each frame's parts that are candidates; the clips are concatenated.
        masked: (F,) fraction of each frame's parts that are masked.
        of: number of clips from which the N clips were chosen.
    """
    clip = np.repeat(np.arange(len(lengths)), lengths)
    position = np.arange(len(clip)) - (np.cumsum(lengths) - lengths)[clip]
    place = ((position + 0.5) / lengths[clip] * PLACES).astype(np.int64)
    there = np.bincount(place, minlength=PLACES).astype(np.float64)
    there[there == 0] = np.nan
    return MaskCounts(
        lengths,
        np.bincount(clip, candidates).astype(np.float64),
        np.bincount(clip, masked).astype(np.float64),
        np.bincount(place, candidates, PLACES) / there,
        np.bincount(place, masked, PLACES) / there,
        of,
    )


def draw_masks(counts: MaskCounts) -> Figure:
    """Draw three plots: numbers of frames, fractions of a clip's frames, and fractions by position.

    Args:
        counts: the numbers to draw.
    """
    figure = new_figure(10.5, 3.3)
    by_number, by_share, by_place = figure.subplots(1, 3)
    frames = int(counts.frames.sum())
    clips = len(counts.frames)
    drawn = f"{clips:,}" if clips == counts.of else f"{clips:,} of {counts.of:,}"
    figure.suptitle(
        f"{drawn} training clips, {frames:,} frames: {counts.candidates.sum() / frames:.0%} are candidates, "
        f"{counts.masked.sum() / frames:.0%} are masked"
    )
    # Each bar has a whole number of frames; the longest 1 % of the clips are in the last bar.
    width = max(1, round(float(np.percentile(counts.frames, 99)) / 30))
    bins = np.arange(0, np.percentile(counts.frames, 99) + width + 1, width) - 0.5
    for values, color, name in (
        (counts.frames, GRAY, "all"),
        (counts.candidates, BLUE, "candidates"),
        (counts.masked, ORANGE, "masked"),
    ):
        by_number.hist(
            np.minimum(values, bins[-1]),
            bins.tolist(),
            histtype="step",
            color=color,
            linewidth=1.6,
            label=name,
        )
    by_number.set(title="frames of a clip", xlabel="frames", ylabel="clips")
    _shares(by_share, counts)
    middle = (np.arange(PLACES) + 0.5) / PLACES
    by_place.plot(middle, counts.candidates_by_place, color=BLUE, label="candidates", linewidth=1.6)
    by_place.plot(middle, counts.masked_by_place, color=ORANGE, label="masked", linewidth=1.6)
    by_place.set(title="by place in the clip", xlabel="place in the clip", ylabel="share of the frames there")
    by_place.set(xlim=(0, 1), ylim=(0, 1))
    by_place.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    by_place.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    for axes in (by_number, by_place):
        axes.legend()
    by_share.margins(y=0.3)
    by_share.legend(loc="upper right")
    return figure


def _shares(axes: Axes, counts: MaskCounts) -> None:
    """Draw the distribution of fractions of a clip's frames; clips without candidates have a separate bar."""
    some = counts.candidates > 0
    clips = len(counts.frames)
    for values, color, name in (
        (counts.candidates, BLUE, "candidates"),
        (counts.masked, ORANGE, "masked"),
    ):
        share = (values / counts.frames)[some]
        axes.hist(
            share, _BINS, histtype="step", color=color, linewidth=1.6, label=name,
            weights=np.full(len(share), 1 / clips),
        )  # fmt: skip
    axes.bar(-0.06, counts.without, 0.05, color=GRAY, label=f"no candidate: {counts.without:.1%}")
    axes.set(title="share of a clip's frames", xlabel="share of the clip's frames", ylabel="clips")
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
