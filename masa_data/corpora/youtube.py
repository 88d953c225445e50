"""The id in a YouTube address, by which people name the videos that they fetched."""

from __future__ import annotations

import re
from typing import Final

_ID: Final = re.compile(
    r"(?:youtu\.be/|youtube(?:-nocookie)?\.com/(?:watch\?(?:[^#]*&)?v=|embed/|v/|shorts/))"
    r"([A-Za-z0-9_-]{11})(?![A-Za-z0-9_-])"
)


def youtube_id(url: str) -> str:
    """The eleven signs that name the video; "" if the address is none of YouTube's."""
    match = _ID.search(url)
    return match.group(1) if match else ""
