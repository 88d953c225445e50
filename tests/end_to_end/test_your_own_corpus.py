"""The page "Bring your own corpus", followed from start to end with 20 real clips."""

import csv
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from masa_data import PoseDataset

PAGE = Path(__file__).parents[2] / "docs/your-own-corpus.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SIGNERS = ("anna", "ben", "chi", "dua", "eva")


def commands():
    return [line for block in BLOCK.findall(PAGE.read_text(encoding="utf-8")) for line in block.splitlines()]


def corpus(folder, videos):
    """Twenty clips of four "signs"; which signs they really show does not matter here."""
    (folder / "videos").mkdir(parents=True)
    with (folder / "list.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("path", "label", "split", "signer", "start", "end"))
        for number, video in enumerate(videos):
            name = f"videos/{number:02d}{video.suffix}"
            shutil.copy(video, folder / name)
            rows.writerow((name, f"sign {number % 4}", "", SIGNERS[number // 4], "", ""))


@pytest.mark.slow
def test_the_page_is_followed_from_start_to_end(shared_data, shared_videos, tmp_path):
    videos = [*shared_videos, shared_data / "video_hard/old.wmv"]
    videos.sort(key=lambda path: path.suffix != ".mp4")  # the page predicts 00.mp4
    assert len(videos) == 20
    corpus(tmp_path / "corpus", videos)
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    said = {}
    for command in commands():
        done = subprocess.run(
            shlex.split(command), cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        # 3: clips to look at, which --validate finds among such clips.
        assert done.returncode in ((0, 3) if "--validate" in command else (0,)), f"{command}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        said[command] = done.stdout
    assert "20 clips of 4 glosses" in next(iter(said.values()))
    assert "on 4 clips of 4 classes: test" in next(
        text for command, text in said.items() if command.startswith("masa-eval")
    )
    assert "sign " in next(text for command, text in said.items() if command.startswith("masa-predict"))
    clips = PoseDataset.open(tmp_path / "own.h5")
    assert len(clips) == 20
    splits, signers = clips.column("split"), clips.column("signer")
    assert set(splits) == {"train", "val", "test"}
    for signer in SIGNERS:
        assert len(set(splits[signers == signer])) == 1
    assert len(list((tmp_path / "poses").rglob("*.pose"))) == 20


def test_every_step_of_the_page_is_a_command():
    assert [command.split()[0] for command in commands()] == [
        *["masa-extract"] * 2,
        *["masa-inspect"] * 3,
        "masa-convert",
        "masa-pretrain",
        "masa-finetune",
        "masa-eval",
        "masa-predict",
        "masa-convert",
    ]
