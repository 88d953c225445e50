"""What the report says, against sums over single clips; what goes into the page, decoded again."""

import base64
import json
import tracemalloc
from html.parser import HTMLParser

import numpy as np
import pytest

from masa_data.analysis.checks import NEAR_DUPLICATE, NO_HANDS
from masa_data.report.charts import chart, table
from masa_data.report.glosses import list_glosses
from masa_data.report.moving import MISSING, encode
from masa_data.report.statistics import gather
from masa_data.shards.quantize import quantize
from masa_data.shards.reader import PoseShards
from masa_data.shards.writer import write_shard
from tests.conftest import make_track
from tests.made_signer import clip, signing


@pytest.fixture
def open_tracks(tmp_path, provenance):
    """Write tracks to a file and open it."""

    def write(*tracks):
        write_shard(tmp_path / "a.h5", provenance, map(quantize, tracks), sum(map(len, tracks)))
        return PoseShards.open(tmp_path / "a.h5")

    return write


def test_sums_over_frames_are_those_of_the_clips_put_together(open_tracks):
    tracks = open_tracks(
        make_track("a", 9, corpus="one"), make_track("b", 1, corpus="one"), make_track("c", 4, corpus="two")
    )
    sums = gather(tracks).joints
    assert list(sums) == ["one", "two"]
    both = [tracks["a"], tracks["b"]]
    confidence = np.concatenate([track.confidence for track in both])
    assert sums["one"].frames == 10
    np.testing.assert_allclose(sums["one"].mean_confidence(), confidence.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(sums["one"].missing_share(), (confidence == 0).mean(axis=0))
    left = ((confidence[:, 7:28] > 0.1).sum(axis=1) >= 10).sum()
    assert sums["one"].hands[0] == left
    assert sums["two"].frames == 4


def test_jitter_is_a_mean_over_known_frames_only(open_tracks):
    points = signing(10, size=0)
    points[5, 0, 1] += 60  # the nose trembles once by half a shoulder width
    missing = np.zeros((10, 49), bool)
    missing[0, 0] = True
    missing[:, 2] = True
    sums = gather(open_tracks(clip(points, missing=missing))).joints[""]
    # Off by 0.5 where it trembles, by half of that before and after; 7 of 8 frames are known.
    assert sums.mean_jitter()[0] == pytest.approx((0.25 + 0.5 + 0.25) / 7, rel=1e-3)
    assert np.isnan(sums.mean_jitter()[2])
    assert sums.mean_jitter()[1] < 1e-3


def test_faults_are_counted_and_shown(open_tracks):
    points = signing()
    lost = np.zeros((30, 49), bool)
    lost[:, 7:] = True
    tracks = open_tracks(
        clip(points, "train", split="train"),
        clip(points * 0.5, "copy", split="test"),
        clip(signing(seed=7), "empty-handed", missing=lost),
        clip(signing(seed=8), "fine"),
    )
    statistics = gather(tracks)
    assert statistics.clips_with(NO_HANDS) == 1
    assert statistics.clips_with(NEAR_DUPLICATE) == 2
    assert statistics.partner.tolist() == [1, 0, -1, -1]
    assert [suspect.number for suspect in statistics.suspects] == [2, 0, 1]


def test_classes_go_by_official_number_or_gloss(open_tracks):
    tracks = open_tracks(
        make_track("a", corpus="wlasl", gloss="tea", label=1, split="train"),
        make_track("b", corpus="wlasl", gloss="Tea", label=1, split="test"),
        make_track("c", corpus="y", gloss="tea", label=1),
        make_track("d", corpus="x", gloss="book"),
        make_track("e", corpus="x", gloss="bus"),
        make_track("f", corpus="x"),
        make_track("g", corpus="x"),
    )
    entries = list_glosses(tracks, np.array([0.9, 0.1, 0, 0, 0, 0, 0]))
    found = [(entry.gloss, entry.corpus, entry.label, entry.counts, entry.clips) for entry in entries]
    assert found == [
        ("", "x", -1, (0, 0, 0, 2), [5, 6]),
        ("book", "x", -1, (0, 0, 0, 1), [3]),
        ("bus", "x", -1, (0, 0, 0, 1), [4]),
        ("Tea", "wlasl", 1, (1, 0, 1, 0), [1, 0]),
        ("tea", "y", 1, (0, 0, 0, 1), [2]),
    ]


def decoded(moving):
    return np.frombuffer(base64.b64decode(moving["points"]), np.uint8).reshape(moving["frames"], 49, 2)


def test_a_moving_skeleton_keeps_shape_and_what_is_missing():
    missing = np.zeros((30, 49), bool)
    missing[3, 5] = True
    track = clip(signing(), missing=missing)
    moving = encode(track, 60)
    found = decoded(moving)
    assert (moving["frames"], moving["seconds"]) == (30, pytest.approx(29 / 25))
    np.testing.assert_array_equal(found == MISSING, np.isnan(track.keypoints))
    # All but the few outermost points: one scale and one shift for the whole clip, x and y alike.
    inner = (found > 0).all(axis=2) & (found < 254).all(axis=2)
    assert inner.mean() > 0.9
    pixels = track.keypoints[inner].ravel()
    steps = found[inner].astype(float)
    scale = np.polyfit(pixels[::2], steps[:, 0], 1)[0]
    assert np.polyfit(pixels[1::2], steps[:, 1], 1)[0] == pytest.approx(scale, rel=0.02)


def test_long_clips_are_thinned_and_clips_without_anybody_are_empty():
    assert encode(clip(signing(100)), 20)["frames"] == 20
    nobody = clip(signing(4), missing=np.ones((4, 49), bool))
    nobody.time[:] = np.nan
    moving = encode(nobody, 20)
    assert (decoded(moving) == MISSING).all()
    assert moving["seconds"] == pytest.approx(4 / 25)
    json.dumps(moving, allow_nan=False)


class Tags(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data)


HOSTILE = "<script>alert(1)</script>\"'&"


def test_hostile_texts_stay_texts():
    parsed = Tags(
        table(HOSTILE, [HOSTILE], [[HOSTILE, HOSTILE]]) + chart(HOSTILE, [HOSTILE], {HOSTILE: [1]}, HOSTILE)
    )
    assert "script" not in {tag for tag, _ in parsed.tags}
    assert parsed.texts.count(HOSTILE) >= 6
    assert not any(name.startswith("on") for _, attributes in parsed.tags for name in attributes)


def test_bars_are_as_high_as_their_numbers_and_the_table_has_them_too():
    parsed = Tags(chart("c", ["a", "b", "d"], {"x": [1, 2, np.nan], "y": [1, 0, 0]}, "clips"))
    bars = [attributes for tag, attributes in parsed.tags if tag == "rect"]
    heights = [float(bar["height"]) for bar in bars]
    assert heights == [pytest.approx(heights[0]), pytest.approx(2 * heights[0]), pytest.approx(heights[0])]
    stacked = [float(bar["y"]) + float(bar["height"]) for bar in bars]
    assert stacked[2] == pytest.approx(float(bars[0]["y"]))  # y stands on x
    cells = "".join(parsed.texts)
    assert "unknown" in cells


def test_memory_does_not_grow_with_the_frames_of_all_clips(open_tracks):
    def peak(clips):
        points = np.tile(signing(200), (5, 1, 1))
        tracks = open_tracks(*(clip(points, f"{number}") for number in range(clips)))
        tracemalloc.start()
        gather(tracks)
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    few, many = peak(3), peak(60)
    # 57 clips more have 22 MB of positions; their descriptions, twice, are below half a megabyte.
    assert many - few < 2e6
