"""Anybody's own videos: files, folders of files, folders of numbered images.

In a folder, `gloss/clip.mp4` gives glosses and `{train,val,test}/gloss/clip.mp4` splits too. A clip's id is
its path below the folder, without its ending.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final

from masa_data.corpora.clip import IMAGE_ENDINGS, SPLIT_NAMES, VIDEO_ENDINGS, Clip, Listing, Problem
from masa_data.errors import DataError

CORPUS: Final = "folder"

# "image_00001", "12", "frame (7)"; the first group is what all images of one clip have in common.
_NUMBERED: Final = re.compile(r"(.*?)(\d+)\)?", re.DOTALL)
_COLOUR: Final = re.compile(r"(?<![a-z])(?:colou?r|rgb)(?![a-z])")
_NO_COLOUR: Final = re.compile(r"(?<![a-z])(?:depth|infrared|ir|mask|skeleton|flow)(?![a-z])")


def list_file(path: Path) -> Listing:
    """The one clip that a file is."""
    return Listing([Clip(path.stem, path, str(path), CORPUS)])


def list_folder(root: Path) -> Listing:
    """All clips below a folder, sorted by path. Symlinks are followed, but no folder is entered twice."""
    listing = Listing()
    for folder, videos, is_image_folder in _walk(root, listing):
        sources = [folder / name for name in videos]
        if is_image_folder:
            sources.append(folder)
        for source in sources:
            below = source.relative_to(root)
            try:
                listing.clips.append(
                    clip_below(root, below.with_suffix("") if source is not folder else below, source)
                )
            except DataError as error:
                listing.problems.append(Problem.of(error, ascii(str(source))))
    listing.clips.sort(key=lambda clip: clip.path)
    if not listing.clips and not listing.problems:
        listing.problems.append(
            Problem(
                "",
                str(root),
                "failed",
                "there is no video and no folder of numbered images in it",
                f"Give a folder with {', '.join(sorted(VIDEO_ENDINGS))} files",
            )
        )
    return listing


def clip_below(root: Path, name: Path, source: Path) -> Clip:
    """The clip that a path below a folder names, with the gloss and split that its folders give.

    Args:
        root: the folder.
        name: path below it, without the file's ending.
        source: the file or folder of images.

    Raises:
        DataError: if the name is not UTF-8.
    """
    parts = name.parts or (root.resolve().name,)  # the folder itself may be one clip's images
    try:
        "/".join(parts).encode()
    except UnicodeEncodeError:
        raise DataError("the file's name is not valid UTF-8", "Rename it") from None
    has_split = len(parts) >= 3 and parts[0].lower() in SPLIT_NAMES
    return Clip(
        "/".join(parts),
        source,
        str(source),
        CORPUS,
        gloss=parts[-2] if len(parts) >= 2 else "",
        split=SPLIT_NAMES[parts[0].lower()] if has_split else "",
    )


def walk_folders(root: Path) -> Iterator[tuple[Path, list[str]]]:
    """Every folder below `root` and its files' names, sorted, hidden ones apart; none is entered twice."""
    entered: set[str] = set()
    for folder, subfolders, files in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in entered:  # a symlink that leads back up, or a second way to the same files
            subfolders.clear()
            continue
        entered.add(real)
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        yield Path(folder), sorted(name for name in files if not name.startswith("."))


def numbered_images(folder: Path) -> list[Path]:
    """The images of a folder whose names end in a number, in the order of that number.

    Cameras that see depth put it beside the colours, number by number: of images of several kinds those are
    taken whose name says that they are the colours, or the only ones whose name says nothing else.

    Raises:
        DataError: if the names do not tell which images are the clip's, or two have the same number.
    """
    return [folder / name for name in _of_one_kind([path.name for path in folder.iterdir()])]


def _of_one_kind(names: Iterable[str]) -> list[str]:
    kinds = _kinds(names)
    chosen = [kind for kind in kinds if _COLOUR.search(kind.lower())] or [
        kind for kind in kinds if not _NO_COLOUR.search(kind.lower())
    ]
    if len(kinds) == 1:
        chosen = list(kinds)
    if kinds and len(chosen) != 1:
        first = ", ".join(f"{images[0][1]!a} ×{len(images):,}" for _, images in sorted(kinds.items())[:3])
        raise DataError(
            f"there are images of {len(kinds)} kinds in one folder ({first}), expected those of one clip",
            "Put each kind into a folder of its own, or name one of them color_00001 and so on",
        )
    images = kinds[chosen[0]] if kinds else []
    for (number, name), (other, same) in pairwise(images):
        if number == other:
            raise DataError(
                f"the images {name!a} and {same!a} have the same number", "Remove or rename one of them"
            )
    return [name for _, name in images]


def _kinds(names: Iterable[str]) -> dict[str, list[tuple[int, str]]]:
    """Images by what their names have in common, each with its number, in the order of numbers."""
    kinds: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for name in names:
        stem, ending = os.path.splitext(name)  # noqa: PTH122  (quick: folders have thousands)
        if ending.lower() in IMAGE_ENDINGS and (match := _NUMBERED.fullmatch(stem)) is not None:
            kinds[match.group(1)].append((int(match.group(2)), name))
    for common, images in list(kinds.items()):
        by_ending = {name.rpartition(".")[2].lower() for _, name in images}
        if len({number for number, _ in images}) < len(images) and len(by_ending) > 1:
            # Colours as .jpg and depth as .png, under the same names.
            del kinds[common]
            for ending in by_ending:
                kinds[f"{common}.{ending}"] = [image for image in images if image[1].lower().endswith(ending)]
    return {common: sorted(images) for common, images in kinds.items()}


def _walk(root: Path, listing: Listing) -> Iterator[tuple[Path, list[str], bool]]:
    """Every folder below `root`, with its video files' names and whether its images make one clip."""
    for folder, files in walk_folders(root):
        endings = {name: Path(name).suffix.lower() for name in files}
        videos = [name for name, ending in endings.items() if ending in VIDEO_ENDINGS]
        try:
            images = _of_one_kind(files)
        except DataError:  # said of the clip, once it is looked at
            images = [name for name, ending in endings.items() if ending in IMAGE_ENDINGS]
        is_image_folder = bool(images) and not videos
        taken = {*videos, *(images if is_image_folder else ())}
        listing.ignored.update(ending for name, ending in endings.items() if name not in taken)
        yield folder, videos, is_image_folder
