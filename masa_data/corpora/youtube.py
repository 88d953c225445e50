"""The YouTube id in an address or file name; downloaded videos are usually named by it."""

from __future__ import annotations

import re
from collections.abc import Container
from typing import Final

_ID: Final = re.compile(
    r"(?:youtu\.be/|youtube(?:-nocookie)?\.com/(?:watch\?(?:[^#]*&)?v=|embed/|v/|shorts/))"
    r"([A-Za-z0-9_-]{11})(?![A-Za-z0-9_-])"
)


def youtube_id(url: str) -> str:
    """Return the 11-character id of a YouTube video; "" if the address is not a YouTube address."""
    match = _ID.search(url)
    return match.group(1) if match else ""


# Names that yt-dlp and youtube-dl make of a title and an id: "Title [id]", "Title-id", "id". If sound and
# picture were not merged, the number of the format follows: ".f136".
_IN_NAME: Final = re.compile(
    r"(?:.*\[(?P<bracket>[\w-]{11})\]|(?:.*-)?(?P<plain>[\w-]{11}))", re.ASCII | re.DOTALL
)
_FORMAT: Final = re.compile(r"\.f(\d+)(?:-[\w-]+)?$")
# Numbers of YouTube's audio-only formats; some are stored in .webm or .mp4 files, like videos.
_SOUND: Final = frozenset({139, 140, 141, 171, 172, 249, 250, 251, 256, 258, 325, 328, 338, 599, 600, 774})


def youtube_id_in_name(stem: str, ids: Container[str]) -> str:
    """Return the id of the video in a file, by its name without extension; "" if none or audio only.

    Args:
        stem: the name.
        ids: ids of the wanted videos; needed because any eleven characters can be an id.
    """
    if stem in ids:
        return stem
    if (found := _FORMAT.search(stem)) is not None:
        if int(found.group(1)) in _SOUND:
            return ""
        stem = stem[: found.start()]
    match = _IN_NAME.fullmatch(stem)
    if match is None:
        return ""
    return next((name for name in match.groups() if name is not None and name in ids), "")
