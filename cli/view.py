"""masa-view: a clip in Rerun's window, or saved for it."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from masa_data.errors import DataError
from masa_data.shards.reader import PoseShards
from masa_data.version import VERSION
from masa_data.view import APPLICATION, log_clip, require_rerun

from .console import CONTEXT, errors_in_one_line, make_console, require_clip

if TYPE_CHECKING:
    import rerun as rr

_EXAMPLES = """
\b
Examples:
  masa-view out.h5                                  the first clip, in a window
  masa-view out.h5 book/69241                       another one
  masa-view out.h5 book/69241 --save clip.rrd       into a file: rerun clip.rrd shows it
"""


@click.command(context_settings=CONTEXT, epilog=_EXAMPLES)
@click.argument("file", metavar="OUT.h5", type=click.Path(path_type=Path))
@click.argument("clip_id", metavar="[CLIP]", required=False)
@click.option(
    "--save", type=click.Path(dir_okay=False, path_type=Path), help="Write .rrd instead of opening a window."
)
@click.option(
    "--source",
    type=click.Path(exists=True, path_type=Path),
    help="Where the clip's video is now [default: where it was].",
)
@click.version_option(VERSION)
def main(file: Path, clip_id: str | None, save: Path | None, source: Path | None) -> None:
    """Show a clip in Rerun: video, skeleton, confidences and motion on one clock."""
    console = make_console()
    with errors_in_one_line("masa-view"), PoseShards.open(file) as tracks:
        require_rerun()
        import rerun as rr

        clip_id = clip_id or next(iter(tracks))
        require_clip(tracks, clip_id)
        track = tracks[clip_id]
        found = source or Path(track.info.path)
        if not found.exists():
            console.print(f"{found} is not there; showing the skeleton alone (--source names its new place)")
        recording = rr.RecordingStream(APPLICATION, recording_id=clip_id)
        if save is None:
            _open_window(recording)
        else:
            save.parent.mkdir(parents=True, exist_ok=True)
            recording.save(save)
        log_clip(recording, track, found if found.exists() else None)
        # What a model says of the clip belongs here: logged to the same recording below view.VIDEO, at the
        # frames of view.set_time. Only this file may know both rooms.
        recording.disconnect()
        if save is not None:
            console.print(f"Wrote {save}: {clip_id}. To look at it: {shlex.join(['rerun', str(save)])}")


def _open_window(recording: rr.RecordingStream) -> None:
    # Rerun itself would try for a quarter of a minute and then drop everything.
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise DataError("there is no display to open a window on", "Use --save clip.rrd")
    # The viewer was installed beside this Python, which need not be on the PATH.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    try:
        recording.spawn()
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise DataError(f"Rerun's window cannot be opened: {reason}", "Use --save clip.rrd") from None
