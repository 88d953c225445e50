"""The plan of an extraction: clips, estimator, and selection of frames."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from masa_data.classes.splits import check_rule
from masa_data.corpora.clip import Clip, Listing
from masa_data.corpora.inputs import list_inputs, require_inputs
from masa_data.corpora.named import CorpusName, list_corpus
from masa_data.corpora.ranges import VideosMode
from masa_data.errors import DataError
from masa_data.estimators.choice import (
    Device,
    EstimatorChoice,
    EstimatorName,
    choose_estimator,
    identify,
)
from masa_data.estimators.mmpose.options import MMPoseOptions
from masa_data.tracks.provenance import Provenance, Sampling, SplitRule
from masa_data.version import VERSION


@dataclass(frozen=True, slots=True)
class WhatToExtract:
    """The user's request.

    Attributes:
        inputs: videos, folders, CSV lists and patterns; empty with a corpus.
        corpus: corpus whose own lists are read; None = the inputs are listed.
        root: with a corpus: the folder with its videos.
        annotations: with a corpus: its lists or their folder; None = in `root`.
        videos: with a corpus: whether files are cut clips or source videos.
        limit: number of clips to extract, the first ones; None = all.
        rename: whether a clip whose id is in use gets its path as its id, instead of becoming a problem.
        estimator: name of the estimator; None = MMPose if it is installed, else MediaPipe.
        device: device of the estimator.
        mmpose: options of MMPose.
        sampling: selection of the frames.
        split_rule: rule by which clips without a split are assigned to splits; None = they are not assigned.
    """

    inputs: tuple[str, ...] = ()
    corpus: CorpusName | None = None
    root: Path | None = None
    annotations: Path | None = None
    videos: VideosMode = "auto"
    limit: int | None = None
    rename: bool = False
    estimator: EstimatorName | None = None
    device: Device = "auto"
    mmpose: MMPoseOptions = MMPoseOptions()  # noqa: RUF009  # the class is frozen
    sampling: Sampling = Sampling()  # noqa: RUF009  # the class is frozen
    split_rule: SplitRule | None = None


@dataclass(frozen=True, slots=True)
class ExtractionPlan:
    """The clips, the estimator and the provenance of an extraction.

    Attributes:
        listing: the clips, and the problems of entries that could not be listed.
        choice: the estimator, and the reason for it.
        provenance: provenance of the file.
        videos: whether files are cut clips or source videos.
    """

    listing: Listing
    choice: EstimatorChoice
    provenance: Provenance
    videos: VideosMode = "auto"

    def check_splits(self) -> None:
        """Check that the split rule can be applied to the clips, without the clips that a file already has.

        Raises:
            DataError: if it cannot.
        """
        if self.provenance.split_rule is not None:
            check_rule(self.listing.clips, self.provenance.split_rule)


def plan_extraction(asked: WhatToExtract, console: Console) -> ExtractionPlan:
    """Choose the estimator, download its weights if necessary, and list the clips.

    Args:
        asked: the user's request.
        console: shows the progress of a download.

    Raises:
        NotInstalledError: if the estimator is not installed.
        DataError: if it cannot run here, an input does not exist, or a corpus's lists cannot be used.
        OSError: if a file or folder cannot be read.
    """
    choice = choose_estimator(asked.estimator, asked.device, asked.mmpose)
    provenance = Provenance(
        estimator=identify(choice, console),
        sampling=asked.sampling,
        split_rule=asked.split_rule,
        tool_version=VERSION,
    )
    if asked.corpus is not None and asked.root is not None:
        listing = list_corpus(asked.corpus, asked.root, asked.annotations).to_listing()
    else:
        require_inputs(asked.inputs)
        listing = list_inputs(asked.inputs, rename=asked.rename)
    listing.clips = listing.clips[: asked.limit]
    if asked.sampling.max_fps is not None:
        _refuse_without_clock(listing.clips)
    return ExtractionPlan(listing, choice, provenance, asked.videos)


def _refuse_without_clock(clips: list[Clip]) -> None:
    folders = [clip for clip in clips if clip.source.is_dir()]
    if folders:
        raise DataError(
            f"{{max_fps}} requires frame times, and {len(folders):,} of "
            f"{len(clips):,} clips are folders of images without them (first: {folders[0].path!r})",
            "Give {every} for them, and extract them separately from the videos",
            every=...,
            max_fps=...,
        )
