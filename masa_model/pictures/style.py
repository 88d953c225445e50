"""How all pictures look: colors, letters, sizes. No pyplot: it keeps global state and asks for a display."""

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

# Okabe and Ito: told apart by color-blind people too.
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
# For glosses in Chinese, if one of them is installed: matplotlib's own letters have no such signs.
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
    """Within this, figures are made and written."""
    installed = {font.name for font in font_manager.fontManager.ttflist}
    chosen: Any = {  # matplotlib names each of its 300 parameters in a type of its own
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
    }
    with mpl.rc_context(chosen), warnings.catch_warnings():
        # A sign that no letter is there for is a small square; that is no reason to say it for each of them.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty figure.

    Args:
        width: in inches.
        height: in inches.
    """
    return Figure(figsize=(width, height), layout="constrained")


def png_of(figure: Figure) -> bytes:
    """The figure as a PNG file, the same bytes for the same figure."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=_DOTS_PER_INCH, metadata={"Software": None})
    return file.getvalue()


def pixels_of(png: bytes) -> NDArray[np.uint8]:
    """(height, width, 3) red, green, blue of a PNG file."""
    import cv2

    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return np.asarray(image[:, :, ::-1], np.uint8)


def captions(names: Sequence[str]) -> tuple[list[str], str]:
    """Glosses as captions, and what all of them begin with, up to a / or :, which the captions leave out.

    Args:
        names: the glosses.
    """
    shared = ""
    for pieces in zip(*(re.findall(r"[^/:]*[/:]", name) for name in names), strict=False):
        if len(names) < 2 or len(set(pieces)) > 1:
            break
        shared += pieces[0]
    return [short(name.removeprefix(shared)) for name in names], short(shared, 60)


def short(name: str, longest: int = _LONGEST_NAME) -> str:
    """A gloss as a caption; of a long one the end, which tells glosses of one source apart."""
    name = name if len(name) <= longest else "…" + name[1 - longest :]
    # A dollar would begin a formula, and what follows would be none.
    return name.replace("$", r"\$")
