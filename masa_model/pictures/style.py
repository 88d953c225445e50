"""The style of all pictures. pyplot is not used, because it has global state and needs a display."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib import font_manager
from matplotlib.figure import Figure
from numpy.typing import NDArray

# The colors of Okabe and Ito, which color-blind people can also distinguish.
BLUE: Final = "#0072B2"
ORANGE: Final = "#E69F00"
GREEN: Final = "#009E73"
VERMILION: Final = "#D55E00"
PURPLE: Final = "#CC79A7"
SKY: Final = "#56B4E9"
GRAY: Final = "#7F7F7F"
CYCLE: Final = (BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY)

_DOTS_PER_INCH: Final = 130
_LONGEST_NAME: Final = 22
# Fonts for glosses in Chinese, if one of them is installed: matplotlib's own font has no Chinese characters.
_OTHER_SCRIPTS: Final = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Source Han Sans SC",
    "WenQuanYi Zen Hei",
    "Microsoft YaHei",
    "PingFang SC",
    "SimHei",
)


@contextmanager
def style() -> Iterator[None]:
    """Apply the style of all pictures within a `with` block, in which figures are created and saved."""
    installed = {font.name for font in font_manager.fontManager.ttflist}
    chosen: Any = {  # matplotlib's type lists each of its 300 parameters
        "font.family": ["DejaVu Sans", *(name for name in _OTHER_SCRIPTS if name in installed)],
        "font.size": 9,
        "axes.titlesize": 10,
        "figure.titlesize": 11,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.prop_cycle": cycler(color=CYCLE),
        "axes.grid": False,
        "legend.frameon": False,
        "legend.fontsize": 8,
        "pdf.fonttype": 42,  # TrueType: many publishers refuse matplotlib's default, Type 3
    }
    with mpl.rc_context(chosen), warnings.catch_warnings():
        # A character that no font has is drawn as a small square; one warning for each would be too many.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def new_figure(width: float, height: float) -> Figure:
    """Create an empty figure.

    Args:
        width: width in inches.
        height: height in inches.
    """
    return Figure(figsize=(width, height), layout="constrained")


def png_of(figure: Figure) -> bytes:
    """Convert a figure to the bytes of a PNG file; equal figures give equal bytes."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=_DOTS_PER_INCH, metadata={"Software": None})
    return file.getvalue()


def pdf_of(figure: Figure, *, placed: bool = False) -> bytes:
    """Convert a figure to the bytes of a PDF file for papers; equal figures give equal bytes.

    Args:
        figure: the figure.
        placed: whether `png_of` has already placed its parts, which takes as long as drawing them.
    """
    if placed:
        figure.set_layout_engine("none")
    file = io.BytesIO()
    # Without the dates and the program's version, which would make equal pictures differ.
    figure.savefig(file, format="pdf", metadata={"CreationDate": None, "Creator": None, "Producer": None})
    return file.getvalue()


def pixels_of(png: bytes) -> NDArray[np.uint8]:
    """Decode a PNG file to an array (height, width, 3) of red, green and blue."""
    import cv2

    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return np.asarray(image[:, :, ::-1], np.uint8)


def captions(names: Sequence[str], longest: int = _LONGEST_NAME) -> tuple[list[str], str]:
    """Shorten glosses to captions, by removing the prefix that all of them share, up to a / or :.

    Args:
        names: the glosses.
        longest: largest length of a caption, in characters.

    Returns:
        the captions, and the shared prefix.
    """
    shared = ""
    for pieces in zip(*(re.findall(r"[^/:]*[/:]", name) for name in names), strict=False):
        if len(names) < 2 or len(set(pieces)) > 1:
            break
        shared += pieces[0]
    return [short(name.removeprefix(shared), longest) for name in names], short(shared, 60)


def short(name: str, longest: int = _LONGEST_NAME) -> str:
    """Shorten a gloss to a caption; of a long gloss, the end is kept, which usually identifies it."""
    name = name if len(name) <= longest else "…" + name[1 - longest :]
    # matplotlib would interpret a dollar sign as the start of a formula.
    return name.replace("$", r"\$")
