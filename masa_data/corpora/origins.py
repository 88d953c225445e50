"""Where each corpus can be had, under which terms, and which of its files may be fetched without a form.

Checksums of lists are those of the named commit. None is written here that was not computed from the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from masa_data.corpora.named import CorpusName

# Apache-2.0; its `assets` are the corpora's lists.
_OPENHANDS: Final = (
    "https://raw.githubusercontent.com/AI4Bharat/OpenHands/b9ccf9eaf2a71301fc4601a64a6af06fdef04c9b/"
    "openhands/datasets/assets"
)
_USTC: Final = "a signed agreement with USTC; for research only"


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file that may be fetched.

    Attributes:
        url: its address.
        checksum: algorithm and digest, as in "sha256:0f3a…".
        name: name of the file on disk.
    """

    url: str
    checksum: str
    name: str


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a corpus can be had.

    Attributes:
        where: address of its videos and what is needed to get them.
        terms: its license or terms.
        then: what to do with the files.
        lists: lists that may be fetched.
        zenodo: number of the Zenodo record with its archives; None = it is not on Zenodo.
    """

    where: str
    terms: str
    then: str
    lists: tuple[RemoteFile, ...] = ()
    zenodo: int | None = None


def _lists(pattern: str, **digests: str) -> tuple[RemoteFile, ...]:
    """Return lists of OpenHands, whose names replace the asterisk in the path, with their SHA-256."""
    path, _, ending = pattern.rpartition("*")
    return tuple(
        RemoteFile(f"{_OPENHANDS}/{path}{name}{ending}", f"sha256:{digest}", f"{name}{ending}")
        for name, digest in digests.items()
    )


def _unpack(name: str) -> str:
    return f"unpack it, then masa-corpus check {name} --root ROOT"


ORIGINS: Final[dict[CorpusName, Origin]] = {
    "wlasl": Origin(
        "https://dxli94.github.io/WLASL/ has the lists and a script that downloads the videos; many are gone",
        "C-UDA: academic and computational use only",
        "masa-corpus check wlasl --root ROOT --missing missing.csv names the missing videos",
    ),
    "msasl": Origin(
        "https://www.microsoft.com/en-us/research/project/ms-asl/ has the lists; the videos are on YouTube",
        "C-UDA for the lists; the videos are under the terms of the people who uploaded them",
        "masa-corpus check msasl --root ROOT --missing missing.csv names the missing videos",
    ),
    "nmfs-csl": Origin(
        "https://ustc-slr.github.io/datasets/2020_nmfs_csl/ has the agreement to sign and send",
        _USTC,
        _unpack("nmfs-csl"),
    ),
    "slr500": Origin(
        "https://ustc-slr.github.io/datasets/2015_csl/ has the agreement to sign and send",
        _USTC,
        _unpack("slr500"),
    ),
    "asl-citizen": Origin(
        "https://www.microsoft.com/en-us/research/project/asl-citizen/ has one archive of videos and lists",
        "the research license of Microsoft that the page shows",
        _unpack("asl-citizen"),
    ),
    "autsl": Origin(
        "https://chalearnlap.cvc.uab.cat/dataset/40/description/ has the archives and says how to open them",
        "the terms that the page shows; for research only",
        _unpack("autsl"),
        _lists(
            "autsl_metadata/AUTSL/*.csv",
            SignList_ClassId_TR_EN="43b4627505d1775be5c8cc95decc6ce8ed0f8fe39cfc42973d7af8f7d257403a",
            train_labels="13ab78789655d5ccde3a056968bc3c3433002a459d9ae383822bab5223e7b86c",
            validation_labels="12e74248fb6199ad41fa58aa85b151966e6da31912ec109b790c6c6d627c773b",
            test_labels="a3fe15717484beb2565fd812aba720afcccb36c43173f891ce31163af9137651",
        ),
    ),
    "include": Origin(
        "https://zenodo.org/records/4010759 has the archives",
        "the license that the Zenodo record names",
        "unpack them into one folder, then masa-corpus check include --root ROOT",
        _lists(
            "include_metadata/Train_Test_Split/*.csv",
            train_include="f7f10b3e723a79b484267721ec9480b3cb01f1b4d669ea6f76b1590d46309207",
            test_include="c293ec655f090029bce1fda613f1588db1ca2d7af322315efa6562b1013a0113",
            train_include50="d805b0e1fc8d928f44a1c6d9da4c947ff5d053907a274ed9cf0870614c066c9f",
            test_include50="546d0d4edce5617564f0b67279229ec4016f2717afbc9f46c55cd9755dd4aeab",
        ),
        zenodo=4010759,
    ),
    "lsa64": Origin(
        "https://facundoq.github.io/datasets/lsa64/ has the addresses of the archives",
        "CC BY-NC-SA 4.0",
        _unpack("lsa64"),
        _lists(
            "lsa64_metadata/LSA64_Cut/*.md",
            lsa64_signs="ae63c3d826e4ceb44d48696b1ae34fb7e4feb7511d84e297108552bc403eb590",
        ),
    ),
    "gsl": Origin(
        "https://vcl.iti.gr/dataset/gsl/ has the addresses of the archives",
        "the terms that the page shows",
        _unpack("gsl"),
        _lists(
            "gsl_metadata/GSL_split/GSL_isolated/*.csv",
            train_greek_iso="c89000ca15ec7444f8588b57dfa63f7d0b98eecb0240366b40bfc05aa0f0e43e",
            val_greek_iso="a01be3173e2e73b6c99601c271fb99c7ea826e845472d16f809ebad42fd7874e",
            test_greek_iso="c89d59b5c32f7a381cbdff3d269ea74343b2923e5563d90fe12b23e4fa8029ff",
        ),
    ),
}
