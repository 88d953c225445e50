"""masks.png: how many frames Alg. 1 finds and masks, clip by clip, and where in the clips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from masa_data.errors import DataError
from masa_data.shards.dataset import PoseDataset
from masa_model.inputs.augment import two_views
from masa_model.inputs.masking import mask_interval, masks_of
from masa_model.inputs.motion import Motion
from masa_model.inputs.parts import prepare_clips
from masa_model.inputs.sources import StreamedClips
from masa_model.network.features import some_in_order
from masa_model.pictures.style import BLUE, GRAY, ORANGE, new_figure
from masa_model.settings.pretrain import PretrainSettings

# So many are asked, of however many there are: a share is then right to one percent or so.
MOST_CLIPS: Final = 2000
PLACES: Final = 20
_BINS: Final = np.linspace(0, 1, 21).tolist()


@dataclass(frozen=True, slots=True)
class MaskCounts:
    """What is drawn; N clips. Where parts are masked apart, a frame counts by the share of its parts.

    Attributes:
        frames: (N,) that the network is given.
        candidates: (N,) of these, that move enough.
        masked: (N,) of these, that are hidden from the encoder.
        candidates_by_place: (PLACES,) share of the frames in each twentieth of a clip; NaN: none there.
        masked_by_place: (PLACES,) likewise.
        of: the number of clips that the N were taken from.
    """

    frames: NDArray[np.int64]
    candidates: NDArray[np.float64]
    masked: NDArray[np.float64]
    candidates_by_place: NDArray[np.float64]
    masked_by_place: NDArray[np.float64]
    of: int

    @property
    def without(self) -> float:
        """Share of the clips without any candidate."""
        return float((self.candidates == 0).mean())


def count_masks(
    clips: PoseDataset, settings: PretrainSettings, device: torch.device, most: int = MOST_CLIPS
) -> MaskCounts:
    """Mask clips as a run does in its first epoch.

    Args:
        clips: the run's training clips.
        settings: of the run.
        device: where to compute.
        most: at most so many clips are asked, chosen by a fixed draw.

    Raises:
        DataError: if there are no clips.
    """
    if not len(clips):
        raise DataError("there are no clips", "Name files with clips")
    lengths, candidates, masked = [], [], []
    interval = mask_interval(settings.masking, settings.motion)
    # Read as they are needed: the clips of the run may be more than memory holds.
    for raw in StreamedClips(clips, device).batches(some_in_order(len(clips), most)):
        batch = prepare_clips(raw, settings.inputs.crop_reference, settings.inputs.max_frames)
        batch, _ = two_views(batch, settings.augment, (settings.seed, 0))
        hidden, found = masks_of(Motion(batch), settings.masking, interval, (settings.seed, 0))
        if settings.masking.mask_set == "union":  # hidden whole, so found whole
            found = found.any(0, keepdim=True)
        lengths.append(batch.lengths.cpu().numpy())
        masked.append(hidden.float().mean(0).cpu().numpy().astype(np.float64))
        candidates.append(found.float().mean(0).cpu().numpy().astype(np.float64))
    return counted(np.concatenate(lengths), np.concatenate(candidates), np.concatenate(masked), of=len(clips))


def counted(
    lengths: NDArray[np.int64], candidates: NDArray[np.float64], masked: NDArray[np.float64], of: int
) -> MaskCounts:
    """Bring packed frames together by clip and by place.

    Args:
        lengths: (N,) frames of each clip, at least 1.
        candidates: (F,) share of each frame's parts that are candidates, clip after clip.
        masked: (F,) likewise.
        of: see MaskCounts.
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
    """Frames of a clip, shares of a clip, and shares by place.

    Args:
        counts: what to draw.
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
    # Whole numbers of frames to a bar; the longest hundredth of the clips goes into the last one.
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
    """Clips by the share of their frames; those without candidate stand apart."""
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
