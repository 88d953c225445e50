"""features.png: clips as points in a plane, colored by gloss; similar clips are close together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from masa_data.errors import DataError
from masa_data.shards.dataset import PoseDataset
from masa_data.shards.selection import Selection
from masa_model.inputs.labeled import Classes
from masa_model.network.encoder import PoseEncoder
from masa_model.network.features import clip_features
from masa_model.pictures.style import CYCLE, GRAY, captions, new_figure
from masa_model.settings.pretrain import InputSettings

# Maximum number of glosses: the number of combinations of colors and shapes. Maximum numbers of clips of each
# gloss: with these, t-SNE takes only seconds.
GLOSSES: Final = 12
SEEN_CLIPS: Final = 30
UNSEEN_CLIPS: Final = 20
_FEWEST: Final = 5
_COMPONENTS: Final = 50
_PERPLEXITY: Final = 30.0
_SHAPES: Final = ("o", "^")


@dataclass(frozen=True, slots=True)
class FeatureMap:
    """The points to draw: N clips of G glosses.

    Attributes:
        points: (N, 2) positions in the plane of t-SNE, which has no unit.
        gloss: (N,) index of each clip's gloss in `glosses`.
        glosses: the G glosses, the most frequent first.
        unseen: (N,) whether the clip is of split val and was not used for training.
    """

    points: NDArray[np.float32]
    gloss: NDArray[np.int64]
    glosses: tuple[str, ...]
    unseen: NDArray[np.bool_]


def map_features(
    encoder: PoseEncoder, trained: PoseDataset, inputs: InputSettings, device: torch.device
) -> FeatureMap:
    """Encode some training and val clips of the most frequent glosses, and map their features to a plane.

    Args:
        encoder: encoder on the device, in evaluation mode.
        trained: training clips of the run; val clips are taken from the same files.
        inputs: input settings that the encoder was trained with.
        device: device to compute on.

    Returns:
        the points to draw.

    Raises:
        DataError: if there are fewer than two glosses, or too few clips with labels.
    """
    splits = sorted({*trained.column("split").tolist(), "val"})
    clips = PoseDataset(trained.files, Selection(splits=splits), any_estimator=trained.any_estimator)
    was_val = bool((trained.column("split") == "val").any())
    unseen = (clips.column("split") == "val") & (not was_val)
    classes = Classes.of(clips)
    chosen, gloss, kept = choose_clips(classes.numbers_of(clips), unseen)
    if len(kept) < 2 or len(chosen) < _FEWEST:
        raise DataError(
            f"{len(chosen)} clips of {len(kept)} glosses are in the splits {', '.join(splits) or 'none'}, "
            f"expected at least {_FEWEST} of 2",
            "Add labels with masa-convert relabel",
        )
    features = clip_features(encoder, clips.part(chosen), inputs, device)
    names = tuple(classes.glosses[number] or f"class {number}" for number in kept)
    return FeatureMap(in_the_plane(features), gloss, names, unseen[chosen])


def choose_clips(
    labels: NDArray[np.int64], unseen: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64], list[int]]:
    """Choose the most frequent classes, and some clips of each; the choice is always the same.

    Args:
        labels: (N,) class numbers; negative = no class.
        unseen: (N,) whether each clip was not used for training; these clips have a separate maximum number.

    Returns:
        (n,) numbers of the chosen clips, (n,) index of their class among the chosen classes, and the chosen
        classes, the most frequent first; of equally frequent classes, the lower number comes first.
    """
    counts = np.bincount(labels[labels >= 0])
    kept = [int(number) for number in np.argsort(-counts, kind="stable")[:GLOSSES] if counts[number]]
    order = np.random.Generator(np.random.PCG64(0)).permutation(len(labels))
    chosen: list[int] = []
    gloss: list[int] = []
    for place, number in enumerate(kept):
        own = order[labels[order] == number]
        some = [*own[~unseen[own]][:SEEN_CLIPS].tolist(), *own[unseen[own]][:UNSEEN_CLIPS].tolist()]
        chosen += some
        gloss += [place] * len(some)
    return np.array(chosen, np.int64), np.array(gloss, np.int64), kept


def in_the_plane(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Map (n, D) features to (n, 2) points: standardization, PCA, t-SNE with a fixed seed; n at least 3."""
    # Imported here, because a run that draws no such picture would wait two seconds for it.
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from sklearn.preprocessing import StandardScaler

    standard = StandardScaler().fit_transform(features)
    components = min(_COMPONENTS, *standard.shape)
    if components < standard.shape[1]:
        standard = PCA(components, random_state=0).fit_transform(standard)
    perplexity = min(_PERPLEXITY, (len(standard) - 1) / 3)
    return np.asarray(TSNE(perplexity=perplexity, init="pca", random_state=0).fit_transform(standard))


def draw_features(found: FeatureMap) -> Figure:
    """Draw the points, with a legend of the glosses.

    Args:
        found: the points to draw.
    """
    figure = new_figure(7.6, 5.4)
    axes = figure.add_subplot()
    handles = []
    names, shared = captions(found.glosses)
    for place, name in enumerate(names):
        color, shape = CYCLE[place % len(CYCLE)], _SHAPES[place // len(CYCLE)]
        for unseen in (False, True):
            here = found.points[(found.gloss == place) & (found.unseen == unseen)]
            axes.scatter(
                here[:, 0],
                here[:, 1],
                s=34 if unseen else 14,
                marker=shape,
                color=color,
                alpha=1.0 if unseen else 0.45,
                linewidths=0.7 if unseen else 0,
                edgecolors="black" if unseen else "none",
                zorder=2 if unseen else 1,
            )
        handles.append(Line2D([], [], linestyle="", marker=shape, color=color, label=name))
    if found.unseen.any() and not found.unseen.all():
        for unseen, called in ((False, "trained on"), (True, "val: not seen")):
            handles.append(
                Line2D(
                    [], [], linestyle="", marker="o", color=GRAY, label=called,
                    markersize=6 if unseen else 4, markeredgecolor="black" if unseen else "none",
                )
            )  # fmt: skip
    title = f"gloss after\n{shared}" if shared else "gloss"
    axes.legend(handles=handles, loc="center left", bbox_to_anchor=(1, 0.5), title=title)
    axes.set(xticks=[], yticks=[], xlabel="t-SNE 1 (no unit)", ylabel="t-SNE 2 (no unit)")
    axes.set_title(
        f"features of {len(found.points):,} clips of the {len(found.glosses)} most frequent glosses\n"
        "(labels were not used in training)"
    )
    return figure
