"""Listing of the keypoint files that a user gives on the command line."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

from masa_data.corpora.clip import Clip, Listing, Problem, join
from masa_data.corpora.folder import clip_below, walk_folders
from masa_data.disk.os_errors import in_words
from masa_data.errors import DataError
from masa_data.formats.clips_csv import with_listed_facts
from masa_data.formats.frame_files import FrameFiles

# MMPose's demo scripts write "results_" before the video's name; others append the model's name.
_ADDED: Final = re.compile(r"^results_|\.mmpose\w*$")


def list_keypoint_files(
    inputs: Iterable[str], ending: str, corpus: str, frames: FrameFiles | None = None
) -> Listing:
    """List files and folders with one clip per file, in the given order.

    As for videos, a clip's id is its path below the folder without file extension, and the folders `gloss/`
    and `{train,val,test}/gloss/` define gloss and split, unless an export's `clips.csv` does.

    Args:
        inputs: paths.
        ending: extension of the files in folders, like ".json".
        corpus: name of the corpus.
        frames: finds clips with one file per frame in folders; None = the format has no such clips.
    """
    return join(_list_one(Path(name), ending, corpus, frames) for name in inputs)


def _list_one(path: Path, ending: str, corpus: str, frames: FrameFiles | None) -> Listing:
    listing = Listing()
    try:
        if path.is_dir():
            for folder, names in walk_folders(path):
                for name in names if frames is None else frames.add_folder(listing, path, folder, names):
                    if Path(name).suffix.lower() == ending:
                        _add(listing, path, folder / name)
                    else:
                        listing.ignored[Path(name).suffix.lower()] += 1
            listing.clips.sort(key=lambda clip: clip.path)
            listing.clips = _of_corpus(listing, corpus)
            listing.clips = with_listed_facts(path, listing.clips)
            if not listing.clips and not listing.problems:
                raise DataError(f"there is no file in it that ends in {ending}", "Check the path")
        elif path.is_file():
            _add(listing, path.parent, path)
            listing.clips = _of_corpus(listing, corpus)
        else:
            raise DataError(f"{path} does not exist", "Check the path")
    except DataError as error:
        listing.problems.append(Problem.of(error, ascii(str(path))[1:-1]))
    except OSError as error:
        listing.problems.append(Problem.of(in_words(error, ""), str(path)))
    return listing


def _of_corpus(listing: Listing, corpus: str) -> list[Clip]:
    return [replace(clip, corpus=corpus) for clip in listing.clips]


def _add(listing: Listing, root: Path, path: Path) -> None:
    below = path.relative_to(root)
    try:
        name = below.with_name(_ADDED.sub("", below.stem) or below.stem)
        listing.clips.append(clip_below(root, name, path))
    except DataError as error:
        listing.problems.append(Problem.of(error, ascii(str(path))[1:-1]))
