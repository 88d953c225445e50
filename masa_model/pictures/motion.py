"""motion.png: the true and the predicted motion of keypoints in masked frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray
from torch import Tensor

from masa_data.errors import DataError
from masa_data.shards.dataset import PoseDataset
from masa_data.tracks.skeleton import LIMBS, PARTS
from masa_model.inputs.batch import SIDE, PoseBatch
from masa_model.inputs.masked import masked_clips
from masa_model.inputs.masking import how_to_mask_more
from masa_model.inputs.parts import prepare_clips
from masa_model.inputs.sources import StreamedClips
from masa_model.network.features import some_in_order
from masa_model.network.masa import MASA
from masa_model.pictures.style import BLUE, GRAY, VERMILION, new_figure, short
from masa_model.settings.pretrain import PretrainSettings

MOST_CLIPS: Final = 192
FRAMES: Final = 6
# Margin around the drawn keypoints and arrows, in 1/256 of a part's side.
_MARGIN: Final = 12.0


@dataclass(frozen=True, slots=True)
class PredictedMotion:
    """The motion to draw: n masked frames of one clip, in each part's own coordinates (1/256 of its side).

    Attributes:
        clip: id of the clip.
        gloss: gloss of the clip; empty if it has none.
        frames: (n,) indices of the masked frames among the frames that the network uses, from 0.
        positions: (49, 2, n) keypoint positions, x to the right and y down; the left hand is not mirrored.
        true: (49, 2, n) true motion of the keypoints over k frames.
        predicted: (49, 2, n) motion that the network predicts.
        weight: (49, n) confidence products c_i · c_{i+k}; 0 = not visible at both ends.
        visible: (49, n) whether the keypoint is visible in the frame itself.
        interval: interval k in frames.
        error: mean squared error of the clip, weighted as in Eq. 4, in the unit of the loss.
        error_of_zero: the same error if no motion is predicted.
        among: number of clips from which this clip was chosen.
    """

    clip: str
    gloss: str
    frames: NDArray[np.int64]
    positions: NDArray[np.float32]
    true: NDArray[np.float32]
    predicted: NDArray[np.float32]
    weight: NDArray[np.float32]
    visible: NDArray[np.bool_]
    interval: int
    error: float
    error_of_zero: float
    among: int = 1


@torch.no_grad()
def predict_motion(
    model: MASA, clips: PoseDataset, settings: PretrainSettings, device: torch.device, seed: int = 0
) -> PredictedMotion:
    """Predict the motion in masked frames, and choose a typical clip.

    It is the clip with the median relative error among the clips with several masked frames. The relative
    error is the error divided by the error of predicting no motion.

    Args:
        model: model on the device, in evaluation mode.
        clips: clips, preferably not used for training.
        settings: settings that the model was trained with.
        device: device to compute on.
        seed: random seed of the masks.

    Returns:
        the motion to draw.

    Raises:
        DataError: if the model does not predict motion, or no frame is masked.
    """
    if model.motion.objective != "motion" or model.motion.weight == 0:
        raise DataError("the run does not predict motion", "Use a run that does")
    found: list[PredictedMotion] = []
    inputs = settings.inputs
    for raw in StreamedClips(clips).batches(some_in_order(len(clips), MOST_CLIPS)):
        batch = prepare_clips(raw, inputs.crop_reference, inputs.max_frames)
        found += _in_batch(model, batch, clips, settings, device, seed)
    if not found:
        advice = how_to_mask_more(settings.masking)
        raise DataError("no frame of these clips is masked", advice[0].upper() + advice[1:])
    return middling(found)


def _in_batch(
    model: MASA,
    batch: PoseBatch,
    clips: PoseDataset,
    settings: PretrainSettings,
    device: torch.device,
    seed: int,
) -> Iterator[PredictedMotion]:
    """Yield the predicted motion of each clip of a batch that has a masked frame."""
    hidden = masked_clips(batch, settings.masking, settings.motion, (seed, 0))
    wanted, target = hidden.predicted, hidden.targets[0]
    if not len(wanted):
        return
    scale = model.motion.scale
    predicted = _array(model.predict(hidden.to(device))[0] * scale)
    true, positions = _array(target.values * scale), _array(batch.coordinates[:, :, wanted])
    weights, seen = target.weight.numpy(), (batch.confidence[:, wanted] > 0).numpy()
    frames, of_clip = batch.position[wanted].numpy(), batch.clip[wanted].numpy()
    for clip in np.unique(of_clip):
        here = of_clip == clip
        info = clips.info(int(batch.numbers[clip]))
        yield PredictedMotion(
            info.id,
            info.gloss,
            frames[here],
            positions[:, :, here],
            true[:, :, here],
            predicted[:, :, here],
            weights[:, here],
            seen[:, here],
            model.motion.interval[0],
            mean_error(predicted[:, :, here], true[:, :, here], weights[:, here]) / scale**2,
            mean_error(0 * true[:, :, here], true[:, :, here], weights[:, here]) / scale**2,
        )


def mean_error(guess: NDArray[np.float32], true: NDArray[np.float32], weight: NDArray[np.float32]) -> float:
    """Compute Eq. 4 for one clip: squares of weighted differences, mean over entries and frames.

    Args:
        guess: (49, 2, n) predicted motion.
        true: (49, 2, n) true motion.
        weight: (49, n) confidence products.
    """
    return float((((guess - true) * weight[:, None]) ** 2).mean())


def middling(found: list[PredictedMotion]) -> PredictedMotion:
    """Choose the clip with the median relative error, if possible among clips with enough masked frames."""
    moving = [clip for clip in found if clip.error_of_zero > 0] or found
    full = [clip for clip in moving if len(clip.frames) >= FRAMES] or moving
    ordered = sorted(full, key=lambda clip: (clip.error / max(clip.error_of_zero, 1e-12), clip.clip))
    return replace(ordered[(len(ordered) - 1) // 2], among=len(ordered))


def draw_motion(found: PredictedMotion) -> Figure:
    """Draw some frames in columns, and body, left hand and right hand in rows, each in its own coordinates.

    Args:
        found: the motion to draw.
    """
    places = np.unique(np.linspace(0, len(found.frames) - 1, FRAMES).round().astype(int))
    # Skip parts without a keypoint that is visible at both ends: they have no motion to draw.
    parts = {name: part for name, part in PARTS.items() if (found.weight[part][:, places] > 0).any()} or PARTS
    figure = new_figure(1.75 * len(places) + 0.9, 1.85 * len(parts) + 1.0)
    grid = figure.subplots(len(parts), len(places), squeeze=False)
    for row, (name, part) in enumerate(parts.items()):
        middle, half = _window(found, part, places)
        for column, place in enumerate(places):
            axes = grid[row, column]
            if found.visible[part, place].any():
                _draw_part(axes, found, part, int(place))
            else:
                axes.text(
                    0.5, 0.5, "not seen", ha="center", va="center", transform=axes.transAxes, color=GRAY
                )
            axes.set(xticks=[], yticks=[], aspect="equal")
            axes.set(xlim=middle[0] + [-half, half], ylim=middle[1] + [half, -half])  # y points down
            for spine in axes.spines.values():
                spine.set(visible=True, color="#cccccc")
            if row == 0:
                axes.set_title(f"frame {found.frames[place]}")
        whole = "frame's longer side" if name == "body" else "crop's side"
        grid[row, 0].set_ylabel(f"{name}\n{2 * half / SIDE:.0%} of the {whole}", fontsize=8)
    gloss = f" ({short(found.gloss, 40)})" if found.gloss else ""
    change = found.error / found.error_of_zero - 1 if found.error_of_zero else 0.0
    than_zero = f"{abs(change):.0%} {'less' if change < 0 else 'more'} than if nothing moved"
    chosen = f"; of {found.among} clips the one of median error" if found.among > 1 else ""
    figure.suptitle(
        f"motion over {found.interval} frames, in masked frames of {short(found.clip, 40)}{gloss}\n"
        f"$L_m$ {found.error:.3f}, {than_zero}{chosen}"
    )
    figure.legend(
        handles=[
            Patch(color=BLUE, label="true motion"),
            Patch(color=VERMILION, label="predicted motion"),
            Patch(color="#999999", label="keypoints of the frame, which the network did not see"),
        ],
        loc="outside lower center",
        ncols=3,
    )
    return figure


def _draw_part(axes: Axes, found: PredictedMotion, part: slice, place: int) -> None:
    x, y = found.positions[:, :, place].T
    first, end = part.start, part.stop
    limbs = [
        [(x[a], y[a]), (x[b], y[b])]
        for a, b in LIMBS
        if first <= a < end and first <= b < end and found.visible[[a, b], place].all()
    ]
    axes.add_collection(LineCollection(limbs, colors="#bbbbbb", linewidths=1.2, zorder=1))
    rows = np.arange(first, end)
    seen = rows[found.visible[part, place]]
    axes.scatter(x[seen], y[seen], s=5, color="#999999", zorder=1)
    both = rows[found.weight[part, place] > 0]
    for motion, color, order in ((found.true, BLUE, 2), (found.predicted, VERMILION, 3)):
        u, v = motion[both, :, place].T
        axes.quiver(
            x[both], y[both], u, v, color=color, zorder=order, angles="xy", scale_units="xy", scale=1,
            width=0.011, headwidth=3.5, headlength=4, headaxislength=3.5,
        )  # fmt: skip


def _window(
    found: PredictedMotion, part: slice, places: NDArray[np.int64]
) -> tuple[NDArray[np.floating], float]:
    """Return the center (2,) and half the side of the square around everything that is drawn of a part."""
    start = found.positions[part][:, :, places]
    seen = found.visible[part][:, places]
    both = found.weight[part][:, places] > 0
    points = [start.transpose(1, 0, 2)[:, seen]]  # (2, …) keypoints and ends of arrows
    for motion in (found.true, found.predicted):
        points.append((start + motion[part][:, :, places]).transpose(1, 0, 2)[:, both])
    together = np.concatenate(points, axis=1)
    if not together.size:
        return np.zeros(2), SIDE / 2
    low, high = together.min(1), together.max(1)
    return (low + high) / 2, float((high - low).max()) / 2 + _MARGIN


def _array(values: Float[Tensor, "49 2 n"]) -> NDArray[np.float32]:
    """Convert a tensor to an array in which the left hand is not mirrored."""
    values = values.clone()
    values[PARTS["left hand"], 0] *= -1
    return np.asarray(values.cpu().numpy(), np.float32)
