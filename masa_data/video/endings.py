"""File extensions of videos."""

from __future__ import annotations

from typing import Final

VIDEO_ENDINGS: Final = frozenset(
    [
        ".mp4",
        ".m4v",
        ".mov",
        ".3gp",
        ".3g2",
        ".mkv",
        ".webm",
        ".avi",
        ".gif",
        ".mpg",
        ".mpeg",
        ".vob",
        ".ts",
        ".m2ts",
        ".mts",
        ".wmv",
        ".asf",
        ".flv",
        ".swf",
        ".ogv",
        ".mxf",
        ".dv",
    ]
)
