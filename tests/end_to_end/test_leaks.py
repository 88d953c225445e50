"""Videos that were scaled and compressed again are found in another split."""

import cv2
import numpy as np
import pytest

from masa_data.analysis.near_duplicates import describe, find_near_duplicates
from masa_data.shards.reader import PoseShards
from masa_data.video.frames import Video

FOLDERS = ("video_asl_rohan", "video_misc", "video_wlasl3")


def write_smaller(source, target):
    """Half the size, at least 320 pixels; MPEG-4."""
    video = Video(source)
    images = [frame.image for frame in video]
    longer = max(images[0].shape[:2])
    scale = max(0.5, 320 / longer) if longer > 320 else 0.75
    size = tuple(int(side * scale) // 2 * 2 for side in images[0].shape[1::-1])
    writer = cv2.VideoWriter(str(target), cv2.VideoWriter.fourcc(*"mp4v"), video.fps, size)
    for image in images:
        writer.write(cv2.resize(image, size, interpolation=cv2.INTER_AREA))
    writer.release()


@pytest.mark.slow
def test_most_smaller_videos_are_recognized(shared_videos, tmp_path, run):
    """The figure of docs/inspect.md: `pytest -s -m slow -k smaller_videos` prints it."""
    originals = [path for path in shared_videos if path.parent.name in FOLDERS]
    for folder in ("train", "test"):
        (tmp_path / folder / "any").mkdir(parents=True)
    for path in originals:
        (tmp_path / "train" / "any" / path.name).symlink_to(path)
        write_smaller(path, tmp_path / "test" / "any" / path.name)
    run("masa-extract", tmp_path, tmp_path / "out.h5")
    with PoseShards.open(tmp_path / "out.h5") as tracks:
        ids = list(tracks)
        found = find_near_duplicates(
            np.stack([describe(tracks[clip_id]) for clip_id in ids]), tracks.column("split")
        )
    partners = {ids[own]: ids[other] for own, other in enumerate(found.partner) if other >= 0}
    right = [own for own, other in partners.items() if own.partition("/")[2] == other.partition("/")[2]]
    print(
        f"{len(right) // 2} of {len(originals)} smaller videos recognized, {len(partners) - len(right)} wrong"
    )
    assert len(right) == len(partners)
    assert len(right) >= len(originals)  # both of each pair count: half of them
