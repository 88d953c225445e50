"""Folders of numbered images, as depth cameras and converters write them."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Final

from masa_data.errors import DataError

IMAGE_ENDINGS: Final = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp"})

# "image_00001", "12", "frame (7)"; the first group is the common part of all images of one clip.
_NUMBERED: Final = re.compile(r"(.*?)(\d+)\)?", re.DOTALL)
_COLOR: Final = re.compile(r"(?<![a-z])(?:colou?r|rgb)(?![a-z])")
_NO_COLOR: Final = re.compile(r"(?<![a-z])(?:depth|infrared|ir|mask|skeleton|flow)(?![a-z])")


def numbered_images(folder: Path) -> list[Path]:
    """Return the images of a folder whose names end in a number, in the order of that number.

    Depth cameras write depth images next to color images with the same numbers. If there are images of
    several kinds, those whose names say that they are color images are used, or else the only kind whose name
    does not indicate another content.

    Raises:
        DataError: if the names do not determine the clip's images, or two have the same number.
    """
    return [folder / name for name in images_of_one_kind([path.name for path in folder.iterdir()])]


def images_of_one_kind(names: Iterable[str]) -> list[str]:
    """Return the names of one clip's images, in the order of their numbers, chosen as in `numbered_images`.

    Args:
        names: names of the folder's files.

    Raises:
        DataError: see numbered_images.
    """
    kinds = _kinds(names)
    chosen = [kind for kind in kinds if _COLOR.search(kind.lower())] or [
        kind for kind in kinds if not _NO_COLOR.search(kind.lower())
    ]
    if len(kinds) == 1:
        chosen = list(kinds)
    if kinds and len(chosen) != 1:
        first = ", ".join(f"{images[0][1]!a} ×{len(images):,}" for _, images in sorted(kinds.items())[:3])
        raise DataError(
            f"there are images of {len(kinds)} kinds in one folder ({first}), expected those of one clip",
            "Put each kind into a separate folder, or name one of them color_00001 and so on",
        )
    images = kinds[chosen[0]] if kinds else []
    for (number, name), (other, same) in pairwise(images):
        if number == other:
            raise DataError(
                f"the images {name!a} and {same!a} have the same number", "Remove or rename one of them"
            )
    return [name for _, name in images]


def _kinds(names: Iterable[str]) -> dict[str, list[tuple[int, str]]]:
    """Return images by the common part of their names, each with its number, in the order of numbers."""
    kinds: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for name in names:
        stem, ending = os.path.splitext(name)  # noqa: PTH122  (fast: folders have thousands of files)
        if ending.lower() in IMAGE_ENDINGS and (match := _NUMBERED.fullmatch(stem)) is not None:
            kinds[match.group(1)].append((int(match.group(2)), name))
    for common, images in list(kinds.items()):
        by_ending = {name.rpartition(".")[2].lower() for _, name in images}
        if len({number for number, _ in images}) < len(images) and len(by_ending) > 1:
            # Color images as .jpg and depth images as .png, under the same names.
            del kinds[common]
            for ending in by_ending:
                kinds[f"{common}.{ending}"] = [image for image in images if image[1].lower().endswith(ending)]
    return {common: sorted(images) for common, images in kinds.items()}
