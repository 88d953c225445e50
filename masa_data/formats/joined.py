"""Imported keypoints joined with a corpus's lists: files that are named like its clips or like its videos."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from masa_data.corpora.clip import Clip, Problem
from masa_data.corpora.matching import IdMatcher
from masa_data.corpora.named import CORPORA, list_corpus
from masa_data.errors import DataError
from masa_data.formats.collector import Imported
from masa_data.formats.import_job import ImportJob


def joined_with_corpus(job: ImportJob, corpus: str, root: Path, annotations: Path | None = None) -> ImportJob:
    """Return the job with the ids, classes, splits and signers that a corpus's lists give to its clips.

    A clip is found by its id, or by the name of its video. Clips that the lists do not name fail.

    Args:
        job: the import.
        corpus: name of the corpus.
        root: folder of the corpus; its videos may be missing.
        annotations: its lists, or their folder; None = in `root`.

    Raises:
        DataError: if it is not a corpus with lists, or they cannot be used.
        OSError: if a list cannot be read.
    """
    name = next((known for known in CORPORA if known == corpus), None)
    if name is None:
        raise DataError(
            f"found {corpus!r} with {{root}}, expected a corpus with lists: {', '.join(CORPORA)}",
            "Give its name with {corpus}, or leave out {root}",
            root=...,
            corpus=...,
        )
    listing = list_corpus(name, root, annotations)
    clips = [row.clip for row in listing.rows]
    problems = [problem for problem in listing.problems if problem.kind == "failed"]
    outcomes = _joined(job.outcomes, clips, root)
    return replace(job, outcomes=(one for part in (_told(problems), outcomes) for one in part))


def _told(problems: list[Problem]) -> Iterator[Imported]:
    yield from (Imported(None, (problem,)) for problem in problems)


def _joined(outcomes: Iterator[Imported], clips: Sequence[Clip], root: Path) -> Iterator[Imported]:
    matchers = (
        IdMatcher([clip.id for clip in clips]),
        IdMatcher([os.path.relpath(os.path.splitext(clip.path)[0], root) for clip in clips]),  # noqa: PTH122
    )
    found: set[int] = set()
    for outcome in outcomes:
        if outcome.track is None:
            yield outcome
            continue
        info = outcome.track.info
        places = (find(info.id) for matcher in matchers for find in (matcher.whole, matcher.by_end))
        place = next((place for place in places if place is not None), None)
        if place is None:
            error = DataError(
                f"the lists of the corpus name no clip {info.id!a}",
                "Name the file like the clip's video, or leave out {root} to import it without them",
                root=...,
            )
            yield Imported(None, (Problem.of(error, info.path, info.id),))
            continue
        found.add(place)
        clip = clips[place]
        named = replace(
            info,
            id=clip.id,
            corpus=clip.corpus,
            gloss=clip.gloss,
            label=clip.label,
            split=clip.split,
            signer=clip.signer or info.signer,
        )
        yield replace(outcome, track=replace(outcome.track, info=named))
    if len(found) < len(clips):
        reason = f"{len(clips) - len(found):,} of {len(clips):,} clips of the lists have no keypoints here"
        yield Imported(
            None, (Problem("", str(root), "warning", reason, "No action is needed if this is known"),)
        )
