"""npz files of many clips: positions as shares of the frame in `kp49`, cut into clips by `offsets`.

    kp49     (F, 49, 3)   x and y as a share of the frame's width and height, confidence in 0..1
    offsets  (N + 1)      clip i is kp49[offsets[i]:offsets[i + 1]]
    label    (N)          texts that name the classes, or class numbers
    gloss    (N)          if the labels are numbers: their texts
    split, signer, id or video_id  (N)    optional; a signer "unknown" or "…/unknown" means no signer

Files that masa exported also contain all properties of each clip, and `class_number`.

The keypoints are read clip by clip, so that large files take little memory. Nothing in the file is ever
unpickled.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

from masa_data.corpora.clip import SPLIT_NAMES, Clip, Listed, Problem
from masa_data.corpora.labels import are_numbers, class_number, without_point
from masa_data.errors import DataError
from masa_data.formats.collector import Imported, import_each
from masa_data.formats.frame_facts import FrameFacts, FrameSource, settle_facts
from masa_data.formats.npz.columns import GET_AGAIN, NpzColumns, read_values
from masa_data.formats.npz.facts import CLASS_NUMBER, ExportedFacts
from masa_data.formats.reading import SHARES, Reading
from masa_data.formats.untrusted.limits import check_frames
from masa_data.formats.untrusted.npz_errors import DAMAGED_NPZ
from masa_data.formats.wholebody import missing_where_not_finite
from masa_data.tracks.provenance import Provenance
from masa_data.tracks.skeleton import NUM_KEYPOINTS
from masa_data.tracks.track import NO_LABEL, ClipInfo, PoseTrack
from masa_data.version import VERSION


class NpzClips:
    """The clips of one npz file. Use as a context manager, and iterate once.

    Attributes:
        path: path of the file.
        clips: number of clips.
    """

    def __init__(self, path: Path, corpus: str) -> None:
        """Open a file and read everything but the keypoints.

        Args:
            path: the file.
            corpus: name of the corpus for its clips.

        Raises:
            DataError: if it is not such a file.
            OSError: if it cannot be read.
        """
        self.path = path
        self._corpus = corpus
        self._resources = ExitStack()
        if not path.is_file():
            raise DataError(f"{path} does not exist", "Check the path")
        try:
            columns = NpzColumns(path, self._resources)
        except DAMAGED_NPZ as error:
            raise DataError(f"found no npz file ({_shown(error)})", GET_AGAIN) from None
        try:
            self._keypoints = columns.opened("kp49", "f")
            frames = self._keypoints.shape[0] if self._keypoints.shape else 0
            self._offsets = columns.values("offsets", "iu", frames + 1).astype(np.int64)
            self.clips = len(self._offsets) - 1
            self._check_shapes()
            self._labels, self._glosses = self._named(columns)
            ids = "id" if columns.has("id") else "video_id"
            self._ids = columns.texts(ids, self.clips, optional=True)
            self._splits = columns.texts("split", self.clips, optional=True)
            self._signers = columns.texts("signer", self.clips, optional=True)
            self._exported: ExportedFacts | None = None
            if columns.has(CLASS_NUMBER):
                self._exported = ExportedFacts.read(columns, self.clips, frames)
        except DAMAGED_NPZ as error:
            self._resources.close()
            if isinstance(error, DataError):
                raise
            raise DataError(f"found a damaged npz file ({_shown(error)})", GET_AGAIN) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._resources.close()

    @property
    def says_sizes(self) -> bool:
        """Whether the file contains each clip's size and rate, as exported files do."""
        return self._exported is not None

    def tracks(self, frames: FrameSource | None, reading: Reading = SHARES) -> Iterator[Imported]:
        """Yield the tracks in the file's order. If the file is damaged, the last result is a problem.

        Args:
            frames: provides the size and rate of the frames; None = the file contains them.
            reading: how the numbers are interpreted.
        """
        first = 0
        for number in range(self.clips):
            count = int(self._offsets[number + 1] - self._offsets[number])
            try:
                values = self._next_frames(count)
            except (*DAMAGED_NPZ, OSError) as error:
                reason = f"found a damaged npz file at clip {number} of {self.clips} ({_shown(error)})"
                damaged = DataError(reason, f"{GET_AGAIN}; the clips before it were imported")
                yield Imported(None, (Problem.of(damaged, str(self.path)),))
                return
            clip_id = self._ids[number] or f"{self.path.stem}/{number:05d}"
            clip = Clip(clip_id, self.path, str(self.path), self._corpus)
            index = np.arange(count)
            if self._exported is not None:
                index = self._exported.frame_index[first : first + count]
            first += count

            def read(
                clip: Clip,
                number: int = number,
                values: NDArray[np.float64] = values,
                index: NDArray[np.int64] = index,
            ) -> tuple[PoseTrack, tuple[str, ...]]:
                return self._track(clip, number, values, index, frames, reading)

            yield from import_each([clip], read)

    def _track(
        self,
        clip: Clip,
        number: int,
        values: NDArray[np.float64],
        index: NDArray[np.int64],
        frames: FrameSource | None,
        reading: Reading,
    ) -> tuple[PoseTrack, tuple[str, ...]]:
        if self._exported is not None:
            clip = replace(clip, listed=Listed(self._exported.info(number)))
        facts = settle_facts(clip, None, frames)
        confidence, warning = missing_where_not_finite(values[..., :2], values[..., 2])
        track = PoseTrack.with_missing(
            self._info(clip, number, facts, int(index[-1]) + 1),
            reading.pixels(values[..., :2], facts.width, facts.height),
            confidence,
            index,
            index / facts.fps,
        )
        return track, warning

    def _info(self, clip: Clip, number: int, facts: FrameFacts, end: int) -> ClipInfo:
        if clip.listed is not None:
            listed = clip.listed.info
            return replace(
                listed, fps=facts.fps, corpus=listed.corpus or clip.corpus, end=max(end, listed.end)
            )
        split, signer = self._splits[number], self._signers[number]
        if split and split.lower() not in SPLIT_NAMES:
            raise DataError(f"found the split {split[:40]!a}, expected train, val or test", GET_AGAIN)
        return ClipInfo(
            clip.id,
            facts.path,
            clip.corpus,
            gloss=self._glosses[number],
            label=self._labels[number],
            split=SPLIT_NAMES[split.lower()] if split else "",
            signer="" if signer.rpartition("/")[2] == "unknown" else signer,
            fps=facts.fps,
            width=facts.width,
            height=facts.height,
            end=end,
        )

    def _check_shapes(self) -> None:
        shape, offsets = self._keypoints.shape, self._offsets
        if len(shape) != 3 or shape[1:] != (NUM_KEYPOINTS, 3):
            raise DataError(f"found kp49 of shape {shape}, expected (frames, 49, 3)", GET_AGAIN)
        steps = np.diff(offsets)
        if offsets.ndim != 1 or len(offsets) < 2 or offsets[0] != 0 or offsets[-1] != shape[0]:
            raise DataError(f"found offsets that do not span the {shape[0]:,} frames of kp49", GET_AGAIN)
        if steps.min() < 1:
            raise DataError(f"found clips of {steps.min():,} frames, expected 1 or more", GET_AGAIN)
        check_frames(int(steps.max()))

    def _next_frames(self, count: int) -> NDArray[np.float64]:
        with np.errstate(invalid="ignore"):  # NaN is handled later
            values = read_values(self._keypoints, count * NUM_KEYPOINTS * 3, "kp49").astype(np.float64)
        return values.reshape(count, NUM_KEYPOINTS, 3)

    def _named(self, columns: NpzColumns) -> tuple[list[int], list[str]]:
        """Return class number and gloss of each clip.

        A label that is a text is the gloss, even if `gloss` contains more, like "owner/name:sign".
        """
        labels = columns.texts("label", self.clips)
        if not are_numbers(labels):
            return [NO_LABEL] * self.clips, [without_point(text) for text in labels]
        try:
            numbers = [class_number(text) for text in labels]
        except DataError as error:
            raise DataError(error.reason, GET_AGAIN) from None
        return numbers, columns.texts("gloss", self.clips, optional=True)


def npz_provenance(frames: FrameSource | None, model: str, reading: Reading = SHARES) -> Provenance:
    """Return the provenance of a file that is imported from npz."""
    estimator = reading.identity(
        "npz-import", model, {"source": "npz"}, "as the npz file gave it, from 0 to 1"
    )
    size, fps = "from the files", "from the files"
    if frames is not None:
        size, fps = frames.size_setting, frames.fps_setting
    notes = {"size": size, "fps": fps}
    return Provenance(estimator=estimator, notes=notes, tool_version=VERSION)


def _shown(error: BaseException) -> str:
    return ascii(str(error))[1:81].rstrip("'") or type(error).__name__
