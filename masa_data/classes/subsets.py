"""Corpora whose lists number their classes, with their subsets by name.

A subset is a set of labels of one corpus, so it is not stored with the clips.
"""

from __future__ import annotations

from typing import Final

WLASL_CLASSES: Final = 2000
MSASL_CLASSES: Final = 1000
NMFS_CSL_CLASSES: Final = 1067
SLR500_CLASSES: Final = 500
AUTSL_CLASSES: Final = 226
LSA64_CLASSES: Final = 64

# Inferred from released code, see docs/corpora/nmfs-csl.md; a file can say otherwise.
NMFS_CSL_CONFUSING: Final = 610

SUBSETS: Final[dict[str, dict[str, range]]] = {
    "wlasl": {f"wlasl{count}": range(count) for count in (100, 300, 1000, WLASL_CLASSES)},
    "msasl": {f"msasl{count}": range(count) for count in (100, 200, 500, MSASL_CLASSES)},
    "nmfs-csl": {
        "confusing": range(NMFS_CSL_CONFUSING),
        "normal": range(NMFS_CSL_CONFUSING, NMFS_CSL_CLASSES),
    },
    "slr500": {},
    "autsl": {},
    "lsa64": {},
}
