"""Files to files take memory by the number of clips, which is little, and not by their frames."""

import hashlib
from dataclasses import replace

import pytest

from masa_data import PoseShards
from masa_data.shards.quantize import quantize
from masa_data.shards.writer import write_shard
from masa_data.tracks.track import ClipInfo
from tests.conftest import make_track
from tests.measuring import measure

FRAMES = 64


def write_clips(path, provenance, numbers):
    """Clips whose names, sources and hashes are all different, as those of a corpus are."""
    stored = [quantize(make_track(str(number), FRAMES)) for number in range(20)]

    def info(number):
        gloss = f"gloss{number % 2000}"
        name = f"train/{gloss}/{number:06d}"
        digest = hashlib.sha256(name.encode()).hexdigest()
        facts = {"label": number % 2000, "split": "train", "signer": f"signer{number % 120}"}
        facts |= {"fps": 25.0, "width": 640, "height": 360, "end": FRAMES, "source_sha256": digest}
        return ClipInfo(name, f"/corpora/mine/videos/{name}.mp4", "mine", gloss, **facts)

    tracks = (replace(stored[number % 20], info=info(number)) for number in numbers)
    write_shard(path, provenance, tracks, FRAMES * len(numbers))


def megabytes_of_each(folder, provenance, clips):
    """The highest memory of merge, of filter and of compact to shards and back, for so many clips."""
    halves = [folder / "one.h5", folder / "two.h5"]
    write_clips(halves[0], provenance, range(clips // 2))
    write_clips(halves[1], provenance, range(clips // 2, clips))
    merged, shards, out = folder / "merged.h5", folder / "shards.h5", folder / "out.h5"
    found = {}
    for name, arguments in {
        "merge": ("merge", *halves, merged),
        "filter": ("filter", merged, out, "--where", "frames>=1"),
        "compact to shards": ("compact", merged, shards, "--shard-clips", clips // 4),
        "compact": ("compact", shards, out, "--overwrite"),
    }.items():
        done = measure("convert", folder, *arguments)
        assert done.code == 0, done.output
        found[name] = done.megabytes
    with PoseShards.open(out) as tracks:
        assert len(tracks) == clips
    print(f"{clips:,} clips: " + ", ".join(f"{name} {most:.0f} MB" for name, most in found.items()))
    return found


def test_ten_times_the_clips_take_hardly_more_memory(tmp_path, provenance):
    """The frames of 5,000 clips are 84 MB; what is known of the clips is 5."""
    for name in ("few", "many"):
        (tmp_path / name).mkdir()
    few = megabytes_of_each(tmp_path / "few", provenance, 500)
    many = megabytes_of_each(tmp_path / "many", provenance, 5000)
    assert all(many[name] - few[name] < 30 for name in few)


@pytest.mark.slow
def test_100_000_clips_take_less_than_500_mb(tmp_path, provenance):
    """1.7 GB of frames."""
    assert max(megabytes_of_each(tmp_path, provenance, 100_000).values()) < 500
