"""How fast Google's landmark files are imported, on one core. A few hundred clips a second are expected."""

import os
import tempfile
import time
from pathlib import Path

import numpy as np

from masa_data.formats.google_islr import LANDMARKS, read_islr_list
from masa_data.formats.import_files import import_google_islr
from masa_data.formats.import_job import run_import
from masa_data.formats.import_options import ImportOptions

CLIPS = 1_000
FRAMES = 38  # the mean of the real data
ROWS = 1_000_000


def write_clip(path: Path, frames: int, seed: int) -> None:
    """A file of the real form: random landmarks, one hand missing in a third of the frames."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    chance = np.random.default_rng(seed)
    parts = {"face": 468, "left_hand": 21, "pose": 33, "right_hand": 21}
    kinds = np.repeat(list(parts), list(parts.values()))
    points = chance.random((frames, LANDMARKS, 3))
    points[: frames // 3, kinds == "left_hand"] = np.nan
    frame = np.repeat(np.arange(20, 20 + frames, dtype=np.int16), LANDMARKS)
    place = np.concatenate([np.arange(count, dtype=np.int16) for count in parts.values()])
    kind, index = np.tile(kinds, frames), np.tile(place, frames)
    table = pa.table(
        {
            "frame": frame,
            "row_id": [f"{one}-{what}-{which}" for one, what, which in zip(frame, kind, index, strict=True)],
            "type": kind,
            "landmark_index": index,
            **dict(zip("xyz", points.reshape(-1, 3).T, strict=True)),
        }
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)


def write_list(path: Path, rows: int, files: int) -> None:
    """A `train.csv` of so many rows, which name so many files again and again."""
    with path.open("w") as file:
        file.write("path,participant_id,sequence_id,sign\n")
        for number in range(rows):
            name = f"{number % 21}/{number % files}"
            file.write(f"train_landmark_files/{name}.parquet,{number % 21},{number},sign{number % 250}\n")


def main() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_list(folder / "many.csv", ROWS, ROWS)
        start = time.process_time()
        count = sum(1 for _ in read_islr_list(folder / "many.csv"))
        print(f"{count:,} rows of train.csv listed in {time.process_time() - start:.1f} s (at most 10)")
        write_list(folder / "train.csv", CLIPS, CLIPS)
        first = folder / "first.parquet"
        write_clip(first, FRAMES, 0)
        for row in read_islr_list(folder / "train.csv"):
            path = folder / row.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(first.read_bytes())
        start = time.process_time()
        with import_google_islr(
            [str(folder / "train.csv")], ImportOptions(units="shares", size=(1944, 2592), fps=30)
        ) as job:
            done = run_import(job, folder / "out.h5")
        seconds = time.process_time() - start  # of this core, whatever else it does
        print(f"{done.clips:,} landmark files of {FRAMES} frames: {done.clips / seconds:,.0f} clips/s")
