"""Overviews of all clips of a dataset: glosses, a pandas table, a line of text, and an HTML table."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable
from difflib import get_close_matches
from html import escape
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from masa_data.errors import UnknownClipError
from masa_data.machine.extras import INSTALL_PANDAS, load_optional
from masa_data.texts import counted, printable
from masa_data.tracks.track import INFO_FIELDS

_SHOWN_CLIPS: Final = 10
_SHOWN_NAMES: Final = 6
_COLUMNS: Final = ("id", "gloss", "split", "signer")


class ClipOverview:
    """Adds overviews to a dataset; they are computed from its columns.

    Attributes:
        lengths: (N,) number of frames of each clip.
    """

    lengths: NDArray[np.int64]

    @abstractmethod
    def column(self, name: str) -> NDArray[Any]:
        """Return a property of all clips, (N,)."""

    @abstractmethod
    def _sources(self) -> dict[str, str]:
        """Return the sources of the clips, for an overview; empty if they are unknown."""

    @property
    def frames(self) -> int:
        """The number of frames of all clips together."""
        return int(self.lengths.sum())

    @property
    def glosses(self) -> list[str]:
        """The different glosses of the clips, sorted; clips without a gloss are ignored."""
        return sorted(set(self.column("gloss").tolist()) - {""})

    def to_pandas(self) -> Any:  # noqa: ANN401  # pandas is optional
        """Return the properties of the clips as a pandas DataFrame: one row per clip, in the dataset's order.

        The columns are the fields of ClipInfo (id, path, corpus, gloss, label, split, signer, fps, width,
        height, start, end, source_sha256, several_people) and frames, the length of each clip. Keypoints are
        not included; `save_parquet` writes a table of them.

        Raises:
            NotInstalledError: if pandas is not installed.

        Example:
            >>> table = masa_data.open("out.h5").to_pandas()  # doctest: +SKIP
            >>> table.groupby("gloss").frames.mean()  # doctest: +SKIP
        """
        pandas = load_optional("pandas", "which makes the table", INSTALL_PANDAS)
        columns = {name: self.column(name) for name in INFO_FIELDS}
        columns["several_people"] = columns["several_people"].astype(bool)
        return pandas.DataFrame({**columns, "frames": self.lengths})

    def __repr__(self) -> str:
        kind = type(self).__name__
        sources = self._sources()
        if not sources:
            return f"<{kind}: closed>"
        facts = {**sources, **self._facts()}
        return printable(
            "\n".join([f"<{kind}", *(f"  {name}: {value}" for name, value in facts.items())]) + ">"
        )

    def _repr_html_(self) -> str:
        sources = self._sources()
        if not sources:
            return f"<p>{escape(repr(self))}</p>"
        facts = _rows({**sources, **self._facts()}.items(), "th")
        shown = [self.column(name)[:_SHOWN_CLIPS].tolist() for name in _COLUMNS]
        clips = zip(range(_SHOWN_CLIPS), *shown, self.lengths[:_SHOWN_CLIPS].tolist(), strict=False)
        heads = "".join(f"<th>{name}</th>" for name in ("", *_COLUMNS, "frames"))
        more = len(self.lengths) - _SHOWN_CLIPS
        rest = f"<p>and {counted(more, 'more clip')}</p>" if more > 0 else ""
        return (
            f"<div><p><b>{type(self).__name__}</b></p><table>{facts}</table>"
            f"<table><tr>{heads}</tr>{_rows(clips, 'td')}</table>{rest}</div>"
        )

    def _facts(self) -> dict[str, str]:
        facts = {"clips": f"{counted(len(self.lengths), 'clip')}, {counted(self.frames, 'frame')}"}
        glosses = self.glosses
        facts["glosses"] = f"{len(glosses):,} ({_some(glosses)})" if glosses else "none"
        splits = Counter(self.column("split").tolist())
        facts["splits"] = ", ".join(f"{name or 'none'} {count:,}" for name, count in splits.most_common())
        corpora = sorted(set(self.column("corpus").tolist()) - {""})
        facts["corpora"] = _some(corpora) or "none"
        return facts


def unknown_clip(clip_id: object, known: Iterable[str], where: object) -> UnknownClipError:
    """Return the error for a clip that does not exist; it shows similar ids.

    Args:
        clip_id: the requested id.
        known: all existing ids.
        where: the file, or another description of the dataset.
    """
    ids = list(known)
    reason = f"there is no clip {clip_id!r} in {where}"
    if not isinstance(clip_id, str):
        return UnknownClipError(
            reason,
            "Clips are found by id; .track(0) is the first one, and masa_data.open([path]) can be sliced",
        )
    near = get_close_matches(clip_id, ids, n=3, cutoff=0.4) or ids[:1]
    return UnknownClipError(reason, f"Similar: {', '.join(near)}" if near else "It has no clips")


def _some(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN_NAMES]) + (", …" if len(names) > _SHOWN_NAMES else "")


def _rows(rows: Iterable[tuple[object, ...]], first: str) -> str:
    """Return rows of an HTML table; the first cell of each can be a heading."""
    lines = []
    for head, *cells in rows:
        values = "".join(f"<td>{escape(printable(str(cell)))}</td>" for cell in cells)
        lines.append(f"<tr><{first}>{escape(printable(str(head)))}</{first}>{values}</tr>")
    return "".join(lines)
