"""Clips that are in two corpora under two names are found; clips of one corpus and blank ones are not."""

from dataclasses import replace

import numpy as np

from masa_data import PoseDataset
from masa_data.analysis.leaks import find_leaks
from masa_data.shards.quantize import quantize
from masa_data.shards.writer import write_shard
from tests.made_signer import clip, signing


def dataset(path, provenance, *tracks):
    """A file of (corpus, track); ids are a, b, c, …"""
    named = [
        replace(track, info=replace(track.info, id="abcdefgh"[number], corpus=corpus, **facts))
        for number, (corpus, track, facts) in enumerate(tracks)
    ]
    write_shard(path, provenance, map(quantize, named), sum(map(len, named)))
    return PoseDataset.open(path)


def found(clips):
    return [(clips.info(leak.first).id, clips.info(leak.second).id, leak.same) for leak in find_leaks(clips)]


def test_the_same_recording_under_another_name(tmp_path, provenance):
    points, other = signing(seed=0), signing(seed=5)
    smaller = points * 0.5 + (100, 20) + np.random.default_rng(1).normal(0, 0.2, points.shape)
    third, fourth = signing(seed=9), signing(seed=11)
    clips = dataset(
        tmp_path / "a.h5",
        provenance,
        ("wlasl", clip(points), {}),
        ("wlasl", clip(smaller), {}),  # a copy within a corpus is not between corpora
        ("msasl", clip(smaller), {}),  # the same keypoints as b
        ("msasl", clip(other), {"source_sha256": "1" * 64}),
        ("wlasl", clip(third), {"source_sha256": "1" * 64}),  # the same video as d, estimated otherwise
        ("autsl", clip(fourth), {"source_sha256": "2" * 64}),
    )
    assert found(clips) == [("a", "c", "motion"), ("b", "c", "content"), ("d", "e", "content")]


def test_other_parts_of_one_video_and_blank_clips_are_no_leak(tmp_path, provenance):
    nobody = clip(signing(), missing=np.ones((30, 49), bool))
    video = {"source_sha256": "1" * 64}
    clips = dataset(
        tmp_path / "a.h5",
        provenance,
        ("wlasl", nobody, {}),
        ("msasl", nobody, {}),
        ("wlasl", clip(signing(seed=0)), video),
        ("msasl", clip(signing(seed=5)), video | {"end": 90}),
    )
    assert found(clips) == []
