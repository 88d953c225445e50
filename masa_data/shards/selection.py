"""Selection of clips by subset, corpus, split and signer; each of these must exist."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

import numpy as np
from numpy.typing import NDArray

from masa_data.classes.subsets import SUBSETS
from masa_data.errors import DataError
from masa_data.shards.reader import PoseShards
from masa_data.texts import one_form
from masa_data.tracks.track import SPLITS

_SHOWN: Final = 8


@dataclass(frozen=True, slots=True)
class Selection:
    """Conditions for the clips of a dataset to use; None = any.

    Attributes:
        subset: "wlasl100", "msasl500", "confusing", …: labels of one corpus (classes/subsets.py).
        corpora: names of corpora.
        splits: some of "train", "val", "test" and "" or "none" (no split).
        signers: names of signers.
        variants: labels of "confusing" and "normal" if a file redefines them (nmfs_csl.read_variants).
    """

    subset: str | None = None
    corpora: Collection[str] | None = None
    splits: Collection[str] | None = None
    signers: Collection[str] | None = None
    variants: Mapping[str, Collection[int]] | None = None

    def __post_init__(self) -> None:
        for name in ("corpora", "splits", "signers"):
            values = getattr(self, name)
            if values is not None:
                object.__setattr__(self, name, tuple(map(one_form, as_names(name, values))))

    def check(self, files: Sequence[PoseShards]) -> None:
        """Check that the selected names exist; otherwise a wrong name would silently select nothing.

        Raises:
            DataError: if a subset, split, corpus or signer does not exist; the message shows similar names.
        """
        for split in self.splits or ():
            if split not in ("", *SPLITS):
                raise _unknown("split", split, SPLITS)
        for column, names in (("corpus", self.corpora), ("signer", self.signers)):
            if names:
                there = sorted({name for tracks in files for name in tracks.column(column).tolist()})
                for name in names:
                    if name not in there:
                        raise _unknown(column, name, [known for known in there if known])
        if self.subset is not None:
            corpus, _ = _subset(self.subset, {})
            corpora = sorted({name for tracks in files for name in tracks.column("corpus").tolist()})
            if corpus not in corpora:
                raise DataError(
                    f"no clip is of subset {self.subset}; the files contain the corpora {', '.join(corpora)}",
                    "Choose another subset or file; masa-inspect shows the content of a file",
                )

    def mask(self, tracks: PoseShards) -> NDArray[np.bool_]:
        """Return (N,) whether each clip of a file is selected.

        Raises:
            DataError: if there is no such subset.
        """
        chosen = np.ones(len(tracks), bool)
        for column, values in (("corpus", self.corpora), ("split", self.splits), ("signer", self.signers)):
            if values is not None:
                chosen &= np.isin(tracks.column(column).astype(str), list(values))
        if self.subset is not None:
            corpus, labels = _subset(self.subset, self.variants or {})
            chosen &= (tracks.column("corpus") == corpus) & np.isin(tracks.column("label"), list(labels))
        return chosen


def as_names(what: str, values: Collection[str]) -> Collection[str]:
    """Return names of splits and the like, with "" instead of "none"; a single text is refused.

    Raises:
        DataError: if `values` is a single text, whose letters would be taken for names.
    """
    if isinstance(values, str):
        raise DataError(
            f"found the text {values!r} as {what}, expected several names", f"Write {what}=[{values!r}]"
        )
    return ["" if value == "none" and what == "splits" else value for value in values]


def _unknown(what: str, name: str, known: Sequence[str]) -> DataError:
    near = get_close_matches(name, known, n=1, cutoff=0)
    some = ", ".join(known[:_SHOWN]) + (", …" if len(known) > _SHOWN else "")
    return DataError(
        f"no clip can be of {what} {name!r}" if what == "split" else f"no clip is of {what} {name!r}",
        f"Did you mean {near[0]!r}? There is {some}" if near else f"The clips have no {what}",
    )


def _subset(name: str, variants: Mapping[str, Collection[int]]) -> tuple[str, Collection[int]]:
    """Return the corpus and the labels of a subset."""
    known = {
        subset: (corpus, labels) for corpus, subsets in SUBSETS.items() for subset, labels in subsets.items()
    }
    if name not in known:
        near = get_close_matches(name, known, n=1, cutoff=0) or list(known)
        raise DataError(f"there is no subset {name!r}", f"Did you mean {near[0]}? All: {', '.join(known)}")
    corpus, labels = known[name]
    return corpus, variants.get(name, labels)
