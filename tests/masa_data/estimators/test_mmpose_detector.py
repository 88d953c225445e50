"""RTMDet: its boxes are MMDetection's own, and masa-extract looks for the signer in them."""

import numpy as np
import pytest

from masa_data import PoseShards
from masa_data.errors import DataError
from masa_data.estimators.checkpoints import cached_path, published_hash
from masa_data.estimators.mmpose.detector import DETECTOR_WEIGHTS, PersonDetector, read_detector_config
from masa_data.estimators.mmpose.estimator import MMPoseTopDown
from masa_data.estimators.mmpose.options import MMPoseOptions, settle_person
from masa_data.tracks.box import Box


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def assert_same_boxes(ours, reference, frames):
    numbers = []
    for frame in frames:
        boxes, scores = reference.run(frame)
        found, found_scores = ours.detect_all(frame)
        assert len(found) == len(boxes)
        np.testing.assert_allclose(found, boxes, rtol=0, atol=1e-3)
        np.testing.assert_allclose(found_scores, scores, rtol=0, atol=1e-5)
        numbers.append((len(found), int((scores > 0.5).sum())))
    people = ours.detect(frames[-1])
    np.testing.assert_array_equal(people, found[scores > 0.5])
    print(numbers)
    return numbers


def test_boxes_are_those_of_mmdetection(detector_reference, moving_frames):
    ours = PersonDetector(detector_reference.checkpoint, "cpu")
    frames = [moving_frames(1, width, height)[0] for width, height in ((320, 240), (120, 300), (1000, 640))]
    assert sum(people for _, people in assert_same_boxes(ours, detector_reference, frames)) > 0


def test_boxes_on_real_frames_are_those_of_mmdetection(detector_reference, shared_videos, frames_of):
    ours = PersonDetector(detector_reference.checkpoint, "cpu")
    frames = [frames_of(clip, most=1)[0] for clip in shared_videos[::4]]
    assert_same_boxes(ours, detector_reference, frames)


def test_the_configuration_is_mmposes(detector_reference):
    theirs, ours = detector_reference.model.cfg, read_detector_config()
    assert ours.model.bbox_head.num_classes == 1
    assert ours.model.test_cfg == theirs.model.test_cfg
    assert ours.model.neck == theirs.model.neck
    assert published_hash(DETECTOR_WEIGHTS) == "235e8209"


def test_other_weights_are_refused(detector_reference, reference):
    with pytest.raises(DataError, match="does not fit rtmdet_m") as caught:
        PersonDetector(reference("fast").checkpoint, "cpu")
    assert "detector_checkpoint" in caught.value.advice


def test_the_command_looks_in_the_boxes_of_rtmdet(
    reference, detector_reference, footage, frames_of, tmp_path, run
):
    fast, out = reference("fast"), tmp_path / "out.h5"
    arguments = (
        "--estimator",
        "mmpose",
        "--model",
        "fast",
        "--checkpoint",
        fast.checkpoint,
        "--device",
        "cpu",
    )
    detection = ("--person", "detect", "--detector-checkpoint", detector_reference.checkpoint)
    run("masa-extract", footage / "nod/01.mp4", out, *arguments, *detection)
    images = frames_of(footage / "nod/01.mp4")
    boxes, scores = detector_reference.run(images[0])
    people = boxes[scores > 0.5]
    assert len(people) > 0
    with PoseShards.open(out) as tracks:
        track = tracks["01"]
        settings = tracks.provenance.estimator.settings
    (box,) = np.unique(track.box, axis=0)
    signer = people[np.abs(people - box).max(axis=1).argmin()]
    np.testing.assert_allclose(box, signer, rtol=0, atol=300 / 43690 + 1e-3)
    keypoints, _, close = fast.run(images, np.tile(signer, (len(images), 1)), flip_test=True)
    seen = (track.confidence > 0) & ~close
    np.testing.assert_allclose(track.keypoints[seen], keypoints[seen], atol=300 / 43690 + 1e-2)
    assert track.info.several_people == (len(people) > 1)
    assert settings["person"] == "detect"
    assert settings["detector"] == "rtmdet_m_640-8xb32_coco-person"
    # What was begun with a detector is not gone on with without one.
    refused = run("masa-extract", footage / "nod", out, *arguments, "--person", "follow", code=2)
    assert "rtmdet_m" in refused.stderr


def test_it_is_asked_where_there_is_no_box(reference, detector_reference, moving_frames):
    """For "auto" the corpus's box goes before it, for "detect" it goes before the corpus's box."""
    frames = moving_frames(2)
    given = Box(20, 30, 200, 220, "pixel")
    boxes, scores = detector_reference.run(frames[0])
    detected = boxes[scores > 0.5]
    for person, annotated, from_detector in (
        ("auto", given, False),
        ("auto", None, True),
        ("detect", given, True),
    ):
        options = MMPoseOptions(
            "fast",
            str(reference("fast").checkpoint),
            flip_test=False,
            person=person,
            detector_checkpoint=str(detector_reference.checkpoint),
        )
        for found in MMPoseTopDown(options).estimate(iter(frames), annotated):
            assert (np.abs(detected - found.box).max(axis=1) < 1e-3).any() == from_detector
            assert found.several_people == from_detector


def test_nobody_in_a_frame(detector_reference, moving_frames, tmp_path):
    weights = detector_reference.model.state_dict()
    for level in range(3):
        weights[f"bbox_head.rtm_cls.{level}.bias"] = weights[f"bbox_head.rtm_cls.{level}.bias"] - 20
    torch = pytest.importorskip("torch")
    torch.save(weights, tmp_path / "blind.pth")
    assert PersonDetector(tmp_path / "blind.pth", "cpu").detect(moving_frames(1)[0]).shape == (0, 4)


@pytest.mark.slow
def test_without_its_weights_the_signer_is_followed_and_that_is_said(
    reference, detector_reference, footage, tmp_path, run, cache
):
    arguments = ("--model", "fast", "--checkpoint", reference("fast").checkpoint)
    out = tmp_path / "out.h5"
    done = run("masa-extract", footage / "nod/01.mp4", out, "--estimator", "mmpose", *arguments)
    assert "the detector's weights are not downloaded; detection on request downloads them" in done.stdout
    # The same by name goes on with the file.
    run("masa-extract", footage / "nod", out, "--estimator", "mmpose", *arguments, "--person", "follow")
    with PoseShards.open(out) as tracks:
        assert len(tracks) == 3
        assert "detector" not in tracks.provenance.estimator.settings


def test_weights_in_the_cache_are_used(detector_reference, cache):
    assert settle_person(MMPoseOptions())[0].person == "follow"
    path = cached_path(DETECTOR_WEIGHTS)
    path.parent.mkdir(parents=True)
    path.symlink_to(detector_reference.checkpoint)
    options, said = settle_person(MMPoseOptions())
    assert (options.person, options.detector_checkpoint) == ("auto", DETECTOR_WEIGHTS)
    assert "else detected" in said


def test_an_mmdetection_that_was_not_tried(mmpose_installed, tmp_path, monkeypatch, cache):
    info = tmp_path / "mmdet-9.9.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mmdet\nVersion: 9.9\n")
    monkeypatch.syspath_prepend(tmp_path)
    options, said = settle_person(MMPoseOptions())
    assert options.person == "follow"
    assert "mmdet 9.9 is installed, expected 3.3.0" in said
    with pytest.raises(DataError, match=r"mmdet 9\.9"):
        PersonDetector(tmp_path / "never read", "cpu")


@pytest.mark.parametrize("person", ["follow", "annotated", "whole-frame"])
def test_weights_for_a_detector_that_is_not_used(person):
    with pytest.raises(DataError, match="uses no detector"):
        settle_person(MMPoseOptions(person=person, detector_checkpoint="some.pth"))
