"""Landmarks in rows of numbers, in the orders in common use, as npz and as Parquet."""

import numpy as np
import pytest
from click.testing import CliRunner

from cli.convert import main
from masa_data import PoseShards
from masa_data.errors import DataError
from masa_data.formats.column_blocks import parse_blocks

FRAMES = 4
BODY = [0, 11, 13, 15, 12, 14, 16]  # MediaPipe's nose, then shoulder, elbow and wrist of each side
BODY_133 = [0, 5, 7, 9, 6, 8, 10]


@pytest.fixture
def parts():
    """Shares of the frame for MediaPipe's parts, with the body's visibility; hands missing in two frames."""
    rng = np.random.default_rng(0)
    sizes = {"pose": (33, 4), "face": (468, 3), "left": (21, 3), "right": (21, 3)}
    made = {name: rng.uniform(0.1, 0.9, (FRAMES, *size)) for name, size in sizes.items()}
    made["left"][1] = 0  # as programs write it that fill in zeros
    made["right"][2] = np.nan
    return made


def expected(parts, width, height):
    points = np.concatenate([parts["pose"][:, BODY, :2], parts["left"][..., :2], parts["right"][..., :2]], 1)
    points[1, 7:28] = np.nan
    return points * (width, height)


def convert(form, path, *arguments):
    out = path.parent / "out.h5"
    options = ("--size", "200x100", "--fps", 25, "--overwrite", *arguments)
    done = CliRunner().invoke(main, list(map(str, (form, path, out, *options))))
    assert "Traceback" not in done.output
    return done, out


def saved(form, path, rows):
    """A clip's file in a folder that is its gloss."""
    path = path / "clips" / "book" / f"one.{form}"
    path.parent.mkdir(parents=True, exist_ok=True)
    if form == "npz":
        np.savez(path, keypoints=rows)
    else:
        pandas = pytest.importorskip("pandas")
        pytest.importorskip("pyarrow")
        table = pandas.DataFrame(rows.reshape(len(rows), -1)).add_prefix("v")
        table.insert(0, "frame", np.arange(len(rows)))
        table.to_parquet(path)
    return path.parents[1]


@pytest.mark.parametrize("form", ["npz", "parquet"])
@pytest.mark.parametrize(
    ("columns", "kinds", "values"),
    [
        ("pose,left,right", ("pose", "left", "right"), 3),
        ("left,right,pose", ("left", "right", "pose"), 2),
        ("pose:4,face:3,left:3,right:3", ("pose", "face", "left", "right"), 0),  # 1,662 numbers
    ],
)
def test_mediapipe_in_the_orders_in_common_use(parts, tmp_path, form, columns, kinds, values):
    blocks = [parts[kind][..., : values or None].reshape(FRAMES, -1) for kind in kinds]
    rows = np.concatenate(blocks, axis=1)
    if values:
        rows = rows.reshape(FRAMES, 75, values)
    folder = saved(form, tmp_path, rows)
    done, out = convert(form, folder, "--columns", columns, "--units", "shares")
    assert done.exit_code == 0, done.output
    with PoseShards.open(out) as tracks:
        track = tracks["book/one"]
        assert (track.info.gloss, track.info.width, track.info.fps) == ("book", 200, 25)
        points = expected(parts, 200, 100)
        np.testing.assert_allclose(track.keypoints, points, atol=0.01)
        score = parts["pose"][:, BODY, 3] if not values else 1
        np.testing.assert_allclose(track.confidence[:, :7], np.broadcast_to(score, (FRAMES, 7)), atol=0.003)
        np.testing.assert_array_equal(track.confidence[:, 7:] > 0, ~np.isnan(points[:, 7:, 0]))
    assert "warning" not in done.output


@pytest.mark.parametrize("form", ["npz", "parquet"])
def test_133_points_with_scores(tmp_path, form):
    rows = np.random.default_rng(0).uniform(10, 90, (FRAMES, 133, 3))
    rows[..., 2] /= 100
    rows[0, 5, 2] = 0
    done, out = convert(form, saved(form, tmp_path, rows), "--columns", "wholebody", "--units", "pixels")
    assert done.exit_code == 0, done.output
    kept = rows[:, [*BODY_133, *range(91, 133)]]
    with PoseShards.open(out) as tracks:
        track = tracks["book/one"]
        np.testing.assert_allclose(track.confidence, kept[..., 2], atol=0.003)
        np.testing.assert_allclose(track.keypoints[1:], kept[1:, :, :2], atol=0.01)
        assert np.isnan(track.keypoints[0, 1]).all()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hands",
        "pose,pose",
        "face",
        "wholebody,left",
        "pose:4,left",
        "pose:5",
        "pose:",
        "pose;left",
        "pose:x",
    ],
)
def test_a_wrong_order_costs_one_line(text):
    with pytest.raises(DataError, match="columns") as caught:
        parse_blocks(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        (
            {"a": np.zeros((3, 75, 3)), "b": np.zeros(3)},
            "found the arrays a, b, expected 'keypoints' or only one",
        ),
        (
            {"keypoints": np.zeros((3, 74, 3))},
            "found 3 rows of 222 numbers, expected at least one, and 2 to 4",
        ),
        ({"keypoints": np.zeros((0, 75, 3))}, "found 0 rows"),
        ({"keypoints": np.zeros(75)}, "found keypoints of shape (75,)"),
        ({"keypoints": np.array([{}, {}])}, "found `keypoints` of type object, expected plain numbers"),
        ({"keypoints": np.array(["a"])}, "found `keypoints` of type <U1, expected plain numbers"),
    ],
)
def test_a_wrong_npz_costs_one_line(tmp_path, arrays, reason):
    np.savez(tmp_path / "a.npz", **arrays)
    done, _ = convert("npz", tmp_path / "a.npz", "--columns", "pose,left,right")
    assert done.exit_code == 3
    assert reason in done.output


@pytest.mark.parametrize("form", ["npz", "parquet"])
def test_a_half_file_costs_one_line(parts, tmp_path, form):
    rows = np.concatenate([parts["pose"][..., :3], parts["left"], parts["right"]], axis=1)
    path = saved(form, tmp_path, rows) / f"book/one.{form}"
    path.write_bytes(path.read_bytes()[:-200])
    done, _ = convert(form, path, "--columns", "pose,left,right", "--units", "shares")
    assert done.exit_code == 3
    assert "0 clips, 0 frames imported; 1 failed" in done.output


def test_a_table_of_texts_costs_one_line(tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    pandas.DataFrame({"a": ["x", "y"]}).to_parquet(tmp_path / "a.parquet")
    done, _ = convert("parquet", tmp_path / "a.parquet", "--columns", "wholebody")
    assert "found no Parquet file of numbers" in done.output


def test_options_that_have_no_effect_are_refused(tmp_path):
    (tmp_path / "a.parquet").touch()
    done, _ = convert("parquet", tmp_path / "a.parquet")
    assert done.exit_code == 2
    assert "--size has no effect without --columns" in done.stderr
