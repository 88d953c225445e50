"""masa-view: show a clip in Rerun, or save it for Rerun."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
from rich.console import Console

from masa_data.disk.new_files import write_whole
from masa_data.drawing.rerun_view import APPLICATION, VIDEO, log_clip, log_curve, require_rerun, set_time
from masa_data.errors import DataError
from masa_data.machine.extras import INSTALL_TRAINING
from masa_data.shards.dataset import PoseDataset
from masa_data.shards.reader import PoseShards
from masa_data.shards.selection import Selection
from masa_data.tracks.track import PoseTrack
from masa_data.version import VERSION

from .console import CONTEXT, Command, errors_in_one_line, make_console, note_old_spelling

if TYPE_CHECKING:
    import rerun as rr

    from masa_model.inputs.track_masks import TrackMasks

# Names in Rerun for the motion that the network sees and the masks of Alg. 1.
_FRAME = f"{VIDEO}/mask"
_SHARE = "masks/share"
_MOTION = "masks/motion"
_PANELS = {
    _SHARE: "Alg. 1: share of moving keypoints; candidate frames, masked frames",
    _MOTION: "Alg. 1: motion, in 1/256 of the side of a part's box",
}
_COLORS = {"candidate": (240, 228, 66), "masked": (213, 94, 0)}

_EXAMPLES = """
\b
Examples:
  masa-view out.h5                                  the first clip, in a window
  masa-view out.h5 --clip book/69241                another clip
  masa-view out.h5 --clip book/69241 --save a.rrd   write a file; open it with: rerun a.rrd
"""


@click.command(cls=Command, context_settings=CONTEXT, epilog=_EXAMPLES)
@click.argument("file", metavar="OUT.h5", type=click.Path(path_type=Path))
@click.argument("first_id", metavar="", required=False)
@click.option("--clip", "clip_id", help="The clip to show [default: the first].")
@click.option(
    "--save",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write an .rrd file instead of opening a window.",
)
@click.option(
    "--source",
    type=click.Path(exists=True, path_type=Path),
    help="The clip's video, if it was moved [default: the path in the file].",
)
@click.version_option(VERSION)
def main(
    file: Path, first_id: str | None, clip_id: str | None, save: Path | None, source: Path | None
) -> None:
    """Show a clip in Rerun: video, skeleton, confidences, motion and masks on one timeline."""
    console = make_console()
    with errors_in_one_line("masa-view"), PoseShards.open(file) as tracks:
        if first_id is not None:
            if clip_id is not None:
                raise DataError(
                    f"found two clips, {first_id} and {clip_id}, expected one", "Give one clip with --clip"
                )
            note_old_spelling(f"the clip {first_id}", f"--clip {first_id}")
            clip_id = first_id
        require_rerun()
        import rerun as rr

        clip_id = clip_id or next(iter(tracks))
        tracks.require(clip_id)
        track = tracks[clip_id]
        found: Path | None = source or Path(track.info.path)
        if found is not None and not found.exists():
            console.print(f"{found} was not found; showing only the skeleton. Give the video with --source.")
            found = None
        elif source is None and not track.info.source_sha256:
            # If keypoints were imported without their video, the path is that of the keypoint file.
            console.print(
                "The clip was imported without its video; showing only the skeleton. "
                "Give the video with --source."
            )
            found = None
        recording = rr.RecordingStream(APPLICATION, recording_id=clip_id)
        if save is None:
            _open_window(recording)
            _log(recording, track, found, _masks(console, tracks, clip_id))
            recording.disconnect()
        else:
            kept = recording.memory_recording()  # writing by itself, Rerun would not say that a disk is full
            _log(recording, track, found, _masks(console, tracks, clip_id))
            save.parent.mkdir(parents=True, exist_ok=True)
            write_whole(save, kept.drain_as_bytes())
            console.print(f"Wrote {save}: {clip_id}. To view it: {shlex.join(['rerun', str(save)])}")


def _log(
    recording: rr.RecordingStream, track: PoseTrack, source: Path | None, masks: TrackMasks | None
) -> None:
    log_clip(recording, track, source, _PANELS if masks else {})
    if masks is not None:
        _log_masks(recording, track, masks)


def _masks(console: Console, tracks: PoseShards, clip_id: str) -> TrackMasks | None:
    """The masks of masa-pretrain for the clip in the first epoch on this file; None without torch."""
    try:
        from masa_model.inputs.track_masks import track_masks
        from masa_model.settings.pretrain import PretrainSettings
    except ImportError as error:
        console.print(
            f"The masks of pre-training are not shown: {error.name} is not installed. "
            f"Install it: {INSTALL_TRAINING}"
        )
        return None
    settings = PretrainSettings()
    splits = ["" if split == "none" else split for split in settings.data.splits]
    ids = PoseDataset([tracks], Selection(splits=splits)).column("id").tolist()
    # A clip that is not used for training has no number; the masks of number 0 are as random as any other.
    number = ids.index(clip_id) if clip_id in ids else 0
    masks: TrackMasks = track_masks(tracks[clip_id], settings, number)
    return masks


def _log_masks(recording: rr.RecordingStream, track: PoseTrack, masks: TrackMasks) -> None:
    """Log a border around frames that are candidates or masked, and the curves that decide this."""
    import rerun as rr

    corner = np.array([[0, 0]])
    size = np.array([[track.info.width, track.info.height]])
    for number in range(len(track)):
        set_time(recording, track, number)
        if not masks.candidate[number]:
            recording.log(_FRAME, rr.Clear(recursive=False))
            continue
        state = "masked" if masks.masked[number] else "candidate"
        recording.log(
            _FRAME, rr.Boxes2D(mins=corner, sizes=size, labels=[state], colors=[_COLORS[state]], radii=[3.0])
        )
    log_curve(recording, track, f"{_SHARE}/moving_keypoints", masks.share)
    for name, flags in (("candidate", masks.candidate), ("masked", masks.masked)):
        log_curve(recording, track, f"{_SHARE}/{name}", np.where(masks.used, flags, np.nan))
    for name, values in masks.motion.items():
        log_curve(recording, track, f"{_MOTION}/{name.replace(' ', '_')}", values)


def _open_window(recording: rr.RecordingStream) -> None:
    # Without this check, Rerun would try for 15 seconds and then lose the data.
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise DataError("a window cannot be opened: no display was found", "Use --save clip.rrd")
    # The viewer is installed in the folder of this Python, which may be missing in the PATH.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    try:
        recording.spawn()
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise DataError(f"Rerun's window cannot be opened: {reason}", "Use --save clip.rrd") from None
