"""Listing of videos without annotations: files, folders of files, folders of numbered images.

In a folder, `gloss/clip.mp4` defines glosses, and `{train,val,test}/gloss/clip.mp4` also defines splits. A
clip's id is its path below the folder, without the file extension.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from masa_data.corpora.clip import SPLIT_NAMES, Clip, Listing, Problem
from masa_data.errors import DataError
from masa_data.video.endings import VIDEO_ENDINGS
from masa_data.video.images import IMAGE_ENDINGS, images_of_one_kind

CORPUS: Final = "folder"


def list_file(path: Path) -> Listing:
    """List a single file as one clip."""
    return Listing([Clip(path.stem, path, str(path), CORPUS)])


def list_folder(root: Path) -> Listing:
    """List all clips below a folder, sorted by path. Symlinks are followed; no folder is entered twice."""
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
    """Return the clip for a path below a folder, with the gloss and split from the names of its folders.

    Args:
        root: the folder.
        name: path below it, without the file extension.
        source: the file or folder of images.

    Raises:
        DataError: if the name is not UTF-8.
    """
    parts = name.parts or (root.resolve().name,)  # the folder itself may contain the images of one clip
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
    """Yield each folder below `root`, once, with its sorted file names; hidden ones are left out."""
    entered: set[str] = set()
    for folder, subfolders, files in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in entered:  # a symlink to a parent folder, or a second path to the same files
            subfolders.clear()
            continue
        entered.add(real)
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        yield Path(folder), sorted(name for name in files if not name.startswith("."))


def _walk(root: Path, listing: Listing) -> Iterator[tuple[Path, list[str], bool]]:
    """Yield each folder below `root` with its video file names and whether its images are one clip."""
    for folder, files in walk_folders(root):
        endings = {name: Path(name).suffix.lower() for name in files}
        videos = [name for name, ending in endings.items() if ending in VIDEO_ENDINGS]
        try:
            images = images_of_one_kind(files)
        except DataError:  # reported for the clip when its images are read
            images = [name for name, ending in endings.items() if ending in IMAGE_ENDINGS]
        is_image_folder = bool(images) and not videos
        taken = {*videos, *(images if is_image_folder else ())}
        listing.ignored.update(ending for name, ending in endings.items() if name not in taken)
        yield folder, videos, is_image_folder
