"""Changes bytes of files of other projects' formats and tells what loading them comes to; run as a program.

    python -m tests.fuzz_formats pose 300 7 FOLDER     300 .pose files, seed 7

prints how often each outcome was found, and the highest memory in MB. These formats have no checksums, so a
changed number may be read. But what is read must be a track that could be stored, and a refusal must be one
line. Anything else ends the program with a traceback.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import numpy as np

import masa_data
from masa_data.errors import DataError
from masa_data.tracks.track import PoseTrack
from tests.fuzz_shards import count_outcomes, require_one_line
from tests.made_signer import clip, signing

SIZE = {"size": (640, 480), "fps": 25}
# How a format is written and read, the written file, and the facts that the format does not have.
FORMATS = {
    "pose": (masa_data.save_pose, masa_data.load_pose, "out/book/0.pose", {}),
    "mmpose": (masa_data.save_mmpose, masa_data.load_mmpose, "out/book/0.json", SIZE),
    "openpose": (masa_data.save_openpose, masa_data.load_openpose, "out/book/0", SIZE),
    "masa_pickle": (masa_data.save_masa_pickle, masa_data.load_masa_pickle, "out/book/0.pkl", SIZE),
    "pyskl": (masa_data.save_pyskl, masa_data.load_pyskl, "out.pkl", {}),
    "npz": (masa_data.save_npz, masa_data.load_npz, "out.npz", {}),
    "parquet": (masa_data.save_parquet, masa_data.load_parquet, "out.parquet", {}),
}


def outcome(name: str, path: Path) -> str:
    """What comes of a changed file."""
    try:
        found = FORMATS[name][1](path, **FORMATS[name][3])
    except DataError as error:
        require_one_line(error, path)
        return "refused"
    tracks = [found] if isinstance(found, PoseTrack) else found
    for track in tracks:
        require_possible(track)
    return f"read: {len(tracks)} clips"


def require_possible(track: PoseTrack) -> None:
    """A track has what its description promises."""
    frames = len(track)
    assert track.keypoints.shape == (frames, 49, 2)
    assert track.confidence.shape == (frames, 49)
    assert 0 < frames <= 1_000_000
    assert ((track.confidence >= 0) & (track.confidence <= 1)).all()
    assert np.isfinite(track.keypoints[track.confidence > 0]).all()
    assert np.isnan(track.keypoints[track.confidence == 0]).all()
    assert (np.diff(track.frame_index) > 0).all()
    assert not np.isinf(track.time).any()  # NaN: the source has no clock
    assert 0 < track.info.width < 1_000_000
    assert 0 < track.info.height < 1_000_000
    assert "\0" not in track.info.gloss


def main(name: str, count: int, seed: int, folder: Path) -> None:
    """Write the original, load its mutations, print what was found."""
    save, _, where, _ = FORMATS[name]
    out = folder / Path(where).parts[0]
    save([clip(signing(8, seed=seed), f"book/{seed}", gloss="book", split="train") for seed in range(2)], out)
    original = folder / where
    # Of a folder of one file for each frame, one is changed.
    changed = sorted(original.iterdir())[3] if original.is_dir() else original
    whole = changed.read_bytes()
    assert outcome(name, original).startswith("read")
    warnings.simplefilter("ignore")
    facts = count_outcomes(changed, whole, count, seed, lambda: outcome(name, original))
    sys.stdout.write(json.dumps(facts) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
