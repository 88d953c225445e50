"""The corpora by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal, get_args

from masa_data.corpora.asl_citizen import list_asl_citizen
from masa_data.corpora.autsl import list_autsl
from masa_data.corpora.gsl import list_gsl
from masa_data.corpora.include import list_include
from masa_data.corpora.listing import CorpusListing
from masa_data.corpora.lsa64 import list_lsa64
from masa_data.corpora.msasl import list_msasl
from masa_data.corpora.nmfs_csl import list_nmfs_csl
from masa_data.corpora.slr500 import list_slr500
from masa_data.corpora.wlasl import list_wlasl
from masa_data.errors import DataError

CorpusName = Literal[
    "wlasl", "msasl", "nmfs-csl", "slr500", "asl-citizen", "autsl", "include", "lsa64", "gsl"
]
CORPORA: Final[tuple[CorpusName, ...]] = get_args(CorpusName)


def list_corpus(
    name: CorpusName, root: Path, annotations: Path | None = None, variants: Path | None = None
) -> CorpusListing:
    """List the clips of a corpus on disk, including the missing ones.

    Args:
        name: name of the corpus.
        root: folder of its videos.
        annotations: its lists, or their folder; None = search root and the folders in it.
        variants: NMFs-CSL only: file that says which labels are confusing and which are normal.

    Raises:
        DataError: if the lists are missing or cannot be used.
        OSError: if a file or folder cannot be read.
    """
    if annotations is not None and not annotations.exists():
        raise DataError(
            f"found no list or folder {annotations}", "Check the path given to {annotations}", annotations=...
        )
    if variants is not None and name != "nmfs-csl":
        raise DataError(
            f"found a file of variants for {name}, expected one for nmfs-csl only", "Leave it out"
        )
    if not root.is_dir():
        raise DataError(f"found no folder {root}", "Check the path given to {root}", root=...)
    if name == "nmfs-csl":
        return list_nmfs_csl(root, annotations, variants)
    return _LISTED[name](root, annotations)


_LISTED: Final[dict[str, Callable[[Path, Path | None], CorpusListing]]] = {
    "wlasl": list_wlasl,
    "msasl": list_msasl,
    "slr500": list_slr500,
    "asl-citizen": list_asl_citizen,
    "autsl": list_autsl,
    "include": list_include,
    "lsa64": list_lsa64,
    "gsl": list_gsl,
}
