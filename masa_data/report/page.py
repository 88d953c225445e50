"""Creates the report: a single HTML file without external resources.

Ids, glosses and paths come from untrusted files. In the HTML they are escaped (charts.py, sections.py). In
the data for the script, no character can end the element, and the script only sets text. The page's own
policy allows the browser to run only the script and the style that are written here.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from masa_data.analysis.checks import NO_HANDS
from masa_data.disk.new_files import write_whole
from masa_data.report import sections
from masa_data.report.glosses import GlossEntry, list_glosses
from masa_data.report.moving import encode
from masa_data.report.statistics import Statistics, gather
from masa_data.shards.reader import PoseShards
from masa_data.tracks.skeleton import LIMBS
from masa_data.version import VERSION

_SUSPECT_FRAMES: Final = 60
_GLOSS_FRAMES: Final = 20
# Maximum number of glosses with a moving skeleton, 2.6 kB each: enough for every common corpus.
_SHOWN_GLOSSES: Final = 2500
_IDS_A_GLOSS: Final = 8


def write_report(tracks: PoseShards, target: Path) -> None:
    """Write the report of a dataset.

    Args:
        tracks: an open dataset.
        target: the page to write; an existing one is replaced.

    Raises:
        DataError: if the values of a clip are inconsistent.
        OSError: if it cannot be written.
    """
    statistics = gather(tracks)
    entries = list_glosses(tracks, statistics.faults[NO_HANDS])
    style, script = _part("style.css"), _part("page.js")
    estimator = tracks.provenance.estimator
    page = {
        "policy": f"default-src 'none'; img-src data:; style-src '{_sha256(style)}'; "
        f"script-src '{_sha256(script)}'; base-uri 'none'; form-action 'none'",
        "style": style,
        "script": script,
        "name": escape(tracks.path.name),
        "clips": f"{len(tracks):,}",
        "frames": f"{tracks.frames:,}",
        "glosses": f"{len(entries):,}",
        "estimator": escape(f"{estimator.name} {estimator.version}; confidence = {estimator.confidence}"),
        "totals": sections.totals(tracks, entries),
        "faults": sections.faults(statistics),
        "suspects": sections.suspects(tracks, statistics),
        "classes": sections.class_sizes(entries),
        "lengths": sections.lengths_and_rates(tracks),
        "parts": sections.parts(statistics),
        "joints": sections.joints(statistics),
        "version": escape(VERSION),
        "fingerprint": tracks.fingerprint,
        "data": _inert(_data(tracks, statistics, entries)),
    }
    # A single pass, so that inserted text is not searched for placeholders.
    html = re.sub(r"\{\{(\w+)\}\}", lambda match: page[match[1]], _part("page.html"))
    target.parent.mkdir(parents=True, exist_ok=True)
    write_whole(target, html)


def _data(tracks: PoseShards, statistics: Statistics, entries: list[GlossEntry]) -> dict[str, Any]:
    """Return the script's data: limbs, moving skeletons by clip number, glosses with counts and ids."""
    shown = {entry.clips[0]: _GLOSS_FRAMES for entry in entries[:_SHOWN_GLOSSES]}
    shown |= {suspect.number: _SUSPECT_FRAMES for suspect in statistics.suspects}
    ids = tracks.column("id")
    return {
        "limbs": LIMBS,
        "splits": sections.SPLIT_NAMES,
        "moving": {number: encode(tracks.track(number), frames) for number, frames in shown.items()},
        "glosses": [
            {
                "gloss": entry.gloss,
                "corpus": entry.corpus,
                "counts": entry.counts,
                "ids": ids[entry.clips[:_IDS_A_GLOSS]].tolist(),
                "clip": entry.clips[0] if entry.clips[0] in shown else None,
            }
            for entry in entries
        ],
    }


def _inert(data: dict[str, Any]) -> str:
    """Return JSON that cannot end or begin an HTML element or comment."""
    text = json.dumps(data, separators=(",", ":"))  # ASCII only, so that lone surrogates are escaped too
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _part(name: str) -> str:
    return files("masa_data.report").joinpath(name).read_text(encoding="utf-8")


def _sha256(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
