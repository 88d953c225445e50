"""Pre-training on two corpora: the shares are kept, and a clip that is in both is reported."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from cli.pretrain import main as pretrain_command
from masa_data import PoseDataset
from masa_data.shards.quantize import quantize
from masa_data.shards.writer import write_shard
from masa_model.runs import pretraining as job
from masa_model.training import pretrain as loop
from tests.conftest import make_track
from tests.made_signer import clip, signing

SMALL = (
    "--size=tiny",
    "--set=network.blocks=[4,4,6,6,6]",
    "--set=network.part=8",
    "--set=network.hidden=16",
    "--set=network.encoder_blocks=1",
    "--batch-size=10",
    "--device=cpu",
)


def write(path, provenance, corpus, clips, extra=()):
    tracks = [
        make_track(f"{corpus}{number}", 12, corpus=corpus, gloss=f"g{number % 3}", split="train")
        for number in range(clips)
    ]
    write_shard(path, provenance, map(quantize, [*tracks, *extra]), sum(map(len, [*tracks, *extra])))
    return path


def shared_clip(name, corpus, split, points):
    track = clip(points)
    return replace(track, info=replace(track.info, id=name, corpus=corpus, gloss="g", split=split))


@pytest.fixture
def corpora(tmp_path, provenance):
    """30 and 10 training clips, and a recording that is train in one and test in the other."""
    points = signing(seed=0)
    smaller = points * 0.5 + (100, 20)
    one = shared_clip("copied", "first", "train", points)
    two = shared_clip("original", "second", "test", smaller)
    return (
        write(tmp_path / "first.h5", provenance, "first", 29, [one]),
        write(tmp_path / "second.h5", provenance, "second", 10, [two]),
    )


def test_the_shares_are_kept_and_a_leak_is_reported_before_training(corpora, tmp_path, monkeypatch):
    seen = []
    prepare = loop.pretrain_input

    def watched(raw, settings, epoch):
        seen.append((epoch, raw.numbers.tolist()))
        return prepare(raw, settings, epoch)

    monkeypatch.setattr(loop, "pretrain_input", watched)
    # Pictures are drawn when training has ended, and take most of the time.
    monkeypatch.setattr(job, "draw_pretraining", lambda *_: [])
    run = ("--epochs=2", "--mix", "first=1,second=3", "--run", tmp_path / "run")
    done = CliRunner().invoke(pretrain_command, list(map(str, (*corpora, *SMALL, *run))))
    assert done.exit_code == 0, done.output
    assert "Clips in an epoch: first 10 (25%) of 30, second 30 (75%) of 10" in done.output
    leak = "Leak check: 1 clip of first/train and second/test with the same motion, so the second one is seen"
    assert leak in done.output
    assert done.output.index(leak) < done.output.index("epoch 1/2")
    assert "copied = original" in done.output

    training = PoseDataset.open(*corpora, splits=["train"])
    corpus = training.column("corpus")
    for epoch in (0, 1):
        numbers = np.concatenate([batch for which, batch in seen if which == epoch])
        assert Counter(corpus[numbers].tolist()) == {"first": 10, "second": 30}
    often = Counter(number for _, batch in seen for number in batch)
    assert {often[number] for number in np.flatnonzero(corpus == "second")} == {6}
    assert {often[number] for number in np.flatnonzero(corpus == "first")} == {0, 1}


def test_a_wrong_mix_costs_one_line(corpora, tmp_path):
    for mix, expected in (
        ("first=1,third=1", "found a share of 'third' in data.mix; the training clips are of first, second"),
        ("first", "expected shares above 0, each corpus once"),
    ):
        arguments = (*corpora, *SMALL, "--epochs=1", "--mix", mix, "--run", tmp_path / "run")
        done = CliRunner().invoke(pretrain_command, list(map(str, arguments)))
        assert done.exit_code == 2
        assert expected in done.stderr
        assert done.stderr.count("\n") == 1
        assert not (tmp_path / "run").exists()
