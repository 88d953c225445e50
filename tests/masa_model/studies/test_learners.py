"""Baselines without a network: what they know, and what they do not."""

import numpy as np
import torch

from masa_data import PoseDataset
from masa_data.shards.several import open_each
from masa_model.settings.finetune import FinetuneSettings
from masa_model.settings.pretrain import PretrainSettings
from masa_model.studies.learners import guessed_classes, keypoint_vector, place_of_person
from masa_model.studies.recipe import CellRecipe
from masa_model.studies.selection import cell_clips
from tests.masa_model.made_up_signs import make_sign, write


def test_the_position_tells_who_sits_where_and_nothing_about_the_sign(tmp_path, provenance):
    """In one file each sign has a place of its own, in the other one it has not."""
    for name, by_sign in (("told", True), ("untold", False)):
        tracks = []
        for split, takes in (("train", 4), ("test", 12)):
            for label in range(4):
                for take in range(takes):
                    track = make_sign(f"{split}/{label}/{take}", label, split=split)
                    place = label if by_sign else (take + label) % 4
                    track.keypoints[:] += np.array([40.0 * place, 0])
                    tracks.append(track)
        files = open_each([write(tmp_path / f"{name}.h5", provenance, tracks)])
        settings = FinetuneSettings()
        right = {}
        for learner in ("position", "keypoints"):
            cell = CellRecipe(learner=learner)
            clips = cell_clips(files, cell, settings, None, 0)
            guessed = guessed_classes(cell, (PretrainSettings(), settings), clips, None, torch.device("cpu"))
            right[learner] = (guessed == clips.tested.targets).mean()
        assert right["keypoints"] > 0.95
        assert right["position"] > 0.9 if by_sign else right["position"] < 0.6


def test_vectors_are_relative_to_the_shoulders_or_to_the_frame(tmp_path, provenance):
    near, moved = (make_sign("a", 0) for _ in range(2))
    moved.keypoints[:] = 0.5 * moved.keypoints + 100
    first, second = (
        PoseDataset.open(write(tmp_path / f"{number}.h5", provenance, [track]))
        for number, track in enumerate((near, moved))
    )
    np.testing.assert_allclose(keypoint_vector(first, 0), keypoint_vector(second, 0), atol=0.01)
    expected = near.keypoints[:, [0, 1, 4]].mean(0) / 640
    np.testing.assert_allclose(place_of_person(first, 0), expected.ravel(), atol=1e-3)
    assert abs(place_of_person(first, 0) - place_of_person(second, 0)).max() > 0.02
