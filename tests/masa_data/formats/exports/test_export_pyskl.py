"""An exported pickle in the hands of MMAction2, whose PoseDataset reads what pyskl's does."""

import warnings

import numpy as np
import pytest

from masa_data.formats.export import export


@pytest.fixture(scope="module")
def mmaction():
    """MMAction2's part for data; importing it warns of what its dependencies will no longer have."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("mmaction", reason="MMAction2 is not installed (make test installs it)")
        import mmaction.datasets
    return mmaction.datasets


@pytest.mark.parametrize(
    ("split", "ids"), [("train", ["book/1"]), ("val", ["tea/4"]), ("test", ["book/zwölf 12"])]
)
def test_mmaction2_finds_the_clips_of_each_split(mmaction, made_up, tmp_path, split, ids):
    export(made_up, "pyskl", tmp_path / "a.pkl")
    dataset = mmaction.PoseDataset(str(tmp_path / "a.pkl"), pipeline=[], split=split)
    found = [dataset.get_data_info(number) for number in range(len(dataset))]
    assert [row["frame_dir"] for row in found] == ids
    for row in found:
        track = made_up[row["frame_dir"]]
        known = track.confidence > 0
        np.testing.assert_array_equal(row["keypoint"][0][known], track.keypoints[known])
        np.testing.assert_array_equal(row["keypoint_score"][0], track.confidence)
        assert (row["total_frames"], row["label"]) == (len(track), track.info.label)
        assert row["img_shape"] == (track.info.height, track.info.width)


def test_mmaction2_samples_and_packs_real_clips_for_a_network(mmaction, real, tmp_path):
    """The steps of its skeleton configurations, those before a graph of joints is needed."""
    export(real, "pyskl", tmp_path / "a.pkl")
    pipeline = [
        {"type": "UniformSampleFrames", "clip_len": 20, "test_mode": True},
        {"type": "PoseDecode"},
        {"type": "FormatGCNInput", "num_person": 1},
        {"type": "PackActionInputs"},
    ]
    with mmaction_scope():
        dataset = mmaction.PoseDataset(str(tmp_path / "a.pkl"), pipeline=pipeline, test_mode=True)
        assert [row["frame_dir"] for row in map(dataset.get_data_info, range(2))] == list(real)
        packed = [dataset[number]["inputs"] for number in range(len(dataset))]
    for inputs, track in zip(packed, real.values(), strict=True):
        assert tuple(inputs.shape) == (1, 1, 20, 49, 3)
        rows = {row.tobytes() for row in np.dstack([np.nan_to_num(track.keypoints), track.confidence])}
        assert all(row.tobytes() in rows for row in inputs[0, 0].numpy())


def mmaction_scope():
    from mmengine.registry import DefaultScope

    return DefaultScope.overwrite_default_scope("mmaction")
