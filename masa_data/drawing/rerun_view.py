"""A clip in Rerun: its video if it is available, skeleton, confidences and motion, on the same timelines.

This is the only file that imports rerun, which is installed with the extra `view`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from masa_data.analysis.motion import mean_motion, shoulder_width, steps
from masa_data.machine.extras import INSTALL_VIEW, load_optional
from masa_data.tracks.skeleton import LIMBS, NUM_KEYPOINTS, PARTS
from masa_data.tracks.track import PoseTrack
from masa_data.video.frames import Video

if TYPE_CHECKING:
    import rerun as rr

APPLICATION: Final = "masa-view"
# Paths of the logged data; everything that is drawn over the video is below VIDEO.
VIDEO: Final = "video"
SKELETON: Final = "video/skeleton"
CONFIDENCE: Final = "confidence"
MOTION: Final = "motion"
# Both timelines.
FRAME: Final = "frame"
TIME: Final = "time"

_COLORS: Final = {"body": (240, 240, 240), "left hand": (230, 159, 0), "right hand": (86, 180, 233)}
_JPEG_QUALITY: Final = 85


def require_rerun() -> None:
    """Check that Rerun is installed.

    Raises:
        NotInstalledError: if it is not installed.
    """
    load_optional("rerun", "", INSTALL_VIEW, "rerun-sdk")


def log_clip(
    recording: rr.RecordingStream,
    track: PoseTrack,
    source: Path | None,
    panels: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Log a clip on the timelines `frame` (the source's frame numbers) and, if it has frame times, `time`.

    Logged are `video` (pictures, if the source is available), `video/skeleton` (the keypoints found, numbered
    as in skeleton.py), `confidence/left_hand` and so on (mean of the part's keypoints, in 0..1) and
    `motion/left_hand` and so on (mean motion of the part's keypoints since the previous kept frame, in
    shoulder widths; left out if unknown).

    Args:
        recording: recording to log to.
        track: the clip.
        source: the video or folder of images it was extracted from; None = not available.
        panels: further curves to reserve space for: path in the recording → title.

    Raises:
        DataError: if the source cannot be decoded.
    """
    import rerun as rr

    recording.send_blueprint(_blueprint(track, panels))
    recording.log(SKELETON, _annotation(), static=True)
    recording.log("clip", rr.TextDocument(_facts(track), media_type="text/plain"), static=True)
    if source is not None:
        for number, picture in _pictures(track, source):
            set_time(recording, track, number)
            recording.log(VIDEO, rr.EncodedImage(contents=picture, media_type="image/jpeg"))
    colors = np.empty((NUM_KEYPOINTS, 3), np.uint8)
    for name, part in PARTS.items():
        colors[part] = _COLORS[name]
    for number in range(len(track)):
        set_time(recording, track, number)
        seen = np.flatnonzero(track.confidence[number] > 0)
        points = track.keypoints[number, seen]
        recording.log(
            SKELETON,
            rr.Points2D(points, keypoint_ids=seen, class_ids=0, colors=colors[seen], show_labels=False),
        )
    step = steps(track, shoulder_width(track))
    for name, part in PARTS.items():
        path = name.replace(" ", "_")  # Rerun would escape a space
        log_curve(recording, track, f"{CONFIDENCE}/{path}", track.confidence[:, part].mean(axis=1))
        motion = np.concatenate([[np.nan], mean_motion(step[:, part])])
        log_curve(recording, track, f"{MOTION}/{path}", motion)


def set_time(recording: rr.RecordingStream, track: PoseTrack, number: int) -> None:
    """Set the time of the data that is logged next to kept frame `number` of the track."""
    recording.set_time(FRAME, sequence=int(track.frame_index[number]))
    if np.isfinite(track.time[number]):
        recording.set_time(TIME, duration=float(track.time[number]))
    else:
        recording.disable_timeline(TIME)  # otherwise the last time would be used


def log_curve(
    recording: rr.RecordingStream, track: PoseTrack, path: str, values: NDArray[np.floating]
) -> None:
    """Log a curve on the timelines of log_clip.

    Args:
        recording: recording to log to.
        track: the clip.
        path: path in the recording.
        values: (T,) values at the track's frames; NaN = none.
    """
    import rerun as rr

    known = np.isfinite(values)
    if not known.any():
        return
    clocks = [rr.TimeColumn(FRAME, sequence=track.frame_index[known])]
    if np.isfinite(track.time).all():
        clocks.append(rr.TimeColumn(TIME, duration=track.time[known].astype(np.float64)))
    recording.send_columns(path, clocks, rr.Scalars.columns(scalars=values[known].astype(np.float64)))


def _pictures(track: PoseTrack, source: Path) -> Iterator[tuple[int, bytes]]:
    """Yield index in the track and JPEG of every kept frame: Rerun supports fewer codecs than OpenCV."""
    places = {int(index): number for number, index in enumerate(track.frame_index)}
    for frame in Video(source, track.info.start, track.info.end):
        if frame.index in places:
            encoded, data = cv2.imencode(".jpg", frame.image, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
            assert encoded
            yield places[frame.index], data.tobytes()


def _annotation() -> rr.AnnotationContext:
    """Return the limbs, which Rerun draws if both ends were logged."""
    import rerun as rr

    return rr.AnnotationContext(
        rr.ClassDescription(
            info=rr.AnnotationInfo(id=0, label="signer", color=_COLORS["body"]),
            keypoint_connections=list(LIMBS),
        )
    )


def _blueprint(track: PoseTrack, panels: Mapping[str, str]) -> rr.blueprint.Blueprint:
    import rerun.blueprint as rrb

    # Otherwise the view would fit the first frame, which may show only a hand.
    whole = rrb.VisualBounds2D(x_range=[0, track.info.width], y_range=[0, track.info.height])
    return rrb.Blueprint(
        rrb.Horizontal(
            rrb.Spatial2DView(origin=VIDEO, name="video", visual_bounds=whole),
            rrb.Vertical(
                rrb.TimeSeriesView(origin=CONFIDENCE, name="confidence"),
                rrb.TimeSeriesView(origin=MOTION, name="motion, shoulder widths per frame"),
                *(rrb.TimeSeriesView(origin=origin, name=title) for origin, title in panels.items()),
                rrb.TextDocumentView(origin="clip", name="clip"),
            ),
            column_shares=[3, 2],
        ),
        collapse_panels=True,
    )


def _facts(track: PoseTrack) -> str:
    info = track.info
    lines = [info.id, f"gloss: {info.gloss or 'unknown'}", f"corpus: {info.corpus}", f"split: {info.split}"]
    return "\n".join([*lines, f"signer: {info.signer or 'unknown'}", f"frames: {len(track)}"])
