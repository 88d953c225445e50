"""What an extraction will do: which clips, by which estimator, which of their frames."""

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
    """What a user asks for.

    Attributes:
        inputs: videos, folders, CSV lists and patterns; empty with a corpus.
        corpus: the corpus whose own lists are read; None = the inputs say what there is.
        root: with a corpus, the folder with its videos.
        annotations: with a corpus, its lists or their folder; None = in `root`.
        videos: with a corpus, whether files are clips cut already or source videos.
        limit: only the first so many clips; None = all.
        rename: whether a clip whose id is taken gets its path as its id, instead of becoming a problem.
        estimator: what finds the keypoints; None = MMPose where it is installed, else MediaPipe.
        device: where it runs.
        mmpose: what is chosen of MMPose.
        sampling: which frames to keep.
        split_rule: how clips without a split are dealt to splits; None = not at all.
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
    mmpose: MMPoseOptions = MMPoseOptions()  # noqa: RUF009  # it is frozen
    sampling: Sampling = Sampling()  # noqa: RUF009  # likewise
    split_rule: SplitRule | None = None


@dataclass(frozen=True, slots=True)
class ExtractionPlan:
    """What will be done.

    Attributes:
        listing: the clips, and what could not be listed.
        choice: the estimator, and why this one.
        provenance: what will be recorded of the file.
        videos: whether files are clips cut already or source videos.
    """

    listing: Listing
    choice: EstimatorChoice
    provenance: Provenance
    videos: VideosMode = "auto"

    def check_splits(self) -> None:
        """Check that the clips can be split as asked, apart from what a file holds already.

        Raises:
            DataError: if they cannot.
        """
        if self.provenance.split_rule is not None:
            check_rule(self.listing.clips, self.provenance.split_rule)


def plan_extraction(asked: WhatToExtract, console: Console) -> ExtractionPlan:
    """Settle the estimator, fetch its weights if need be, and list the clips.

    Args:
        asked: for what.
        console: shows a download, if there is one.

    Raises:
        NotInstalledError: if the estimator is not installed.
        DataError: if it cannot run here, an input is not there, or a corpus's lists cannot be used.
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
            f"{{max_fps}} goes by the clock, and {len(folders):,} of "
            f"{len(clips):,} clips are folders of images that have none (first: {folders[0].path!r})",
            "Give {every} for them, and extract them apart from the videos",
            every=...,
            max_fps=...,
        )
