"""Every command in README and docs that starts with masa- is run, and its output is as printed there.

Digits may differ (speeds do, and estimators round differently on other processors), words may not.
"""

import importlib.util
import json
import pickle
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from demo.footage import write_footage

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)

PYTHON = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def sessions(page: Path) -> list[tuple[str, str]]:
    """The commands of a page's console blocks, each with the output printed under it."""
    found = []
    for block in BLOCK.findall(page.read_text(encoding="utf-8")):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append((command, output))
    return found


def words(output: str) -> list[str]:
    """The output without digits, alignment and the lines of a progress display."""
    lines = [" ".join(re.sub(r"[\d.,%]+", "#", line).split()) for line in output.splitlines()]
    return [line for line in lines if line and not re.match(r"#/# clips", line)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where a reader is: with a folder `videos` of glosses, a list of clips, and what others extracted."""
    folder = tmp_path_factory.mktemp("docs")
    write_footage(folder / "videos")
    (folder / "clips.csv").write_text(
        "path,label,signer\nvideos/nod/00.mp4,nod,Ann\nvideos/zoom/00.mp4,zoom,Ben\n"
    )
    write_keypoints_of_others(folder)
    return folder


def write_keypoints_of_others(folder):
    """MMPose's JSON, MASA's pickles, an npz, and a list of WLASL, all made up."""
    keypoints = np.random.default_rng(0).uniform(0, 380, (30, 133, 2))
    person = {"keypoint_scores": [0.9] * 133, "bbox": [[0, 0, 380, 500]]}
    frames = [
        {"frame_id": number, "instances": [person | {"keypoints": points.tolist()}]}
        for number, points in enumerate(keypoints)
    ]
    (folder / "predictions" / "nod").mkdir(parents=True)
    for take in ("00", "01", "02"):
        (folder / "predictions" / "nod" / f"{take}.json").write_text(json.dumps(frames))
    (folder / "predictions" / "nod" / "02.json").write_text(json.dumps(frames)[:-100])
    (folder / "poses").mkdir()
    for name in ("69241", "mine"):
        points = np.concatenate([keypoints, np.full((30, 133, 1), 0.5)], axis=2).astype(np.float32)
        content = {"keypoints": points, "img_list": ["0.jpg"] * 30}
        (folder / "poses" / f"{name}.pkl").write_bytes(pickle.dumps(content))
    (folder / "WLASL").mkdir()
    row = {"video_id": "69241", "split": "train", "signer_id": 118, "frame_start": 1, "frame_end": -1}
    row |= {"fps": 25, "bbox": [0, 0, 9, 9], "url": "", "source": "", "instance_id": 0, "variation_id": 0}
    (folder / "WLASL" / "WLASL_v0.3.json").write_text(json.dumps([{"gloss": "book", "instances": [row]}]))
    np.savez_compressed(
        folder / "clips.npz",
        kp49=np.random.default_rng(1).random((40, 49, 3), np.float32),
        offsets=np.arange(0, 41, 10),
        label=np.array(["me/signs:book", "me/signs:tea"] * 2),
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_print_what_the_page_says(page, folder, call, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "100")
    for line, expected in sessions(page):
        command, *arguments = shlex.split(line)
        if not command.startswith("masa-"):
            continue
        if command == "masa-extract":  # what native libraries print would not be seen in this process
            done = subprocess.run(
                [Path(sys.executable).parent / command, *arguments],
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode in (0, 3), f"{line}\n{done.stdout}{done.stderr}"
        else:
            done = call(command, *arguments, code=(0, 3))
        assert words(done.stdout + done.stderr) == words(expected), line


def test_the_python_of_your_own_model_runs(tmp_path):
    """All blocks of the page one after the other, on what its commands make."""
    for library in ("torch", "pandas", "pyarrow"):
        pytest.importorskip(library)
    if importlib.util.find_spec("mmaction") is None:
        pytest.skip("MMAction2 is not installed (make test installs it)")
    page = ROOT / "docs" / "your-own-model.md"
    write_keypoints_of_others(tmp_path)
    folder = Path(sys.executable).parent
    for command, _ in sessions(page):
        name, *arguments = shlex.split(command)
        subprocess.run([folder / name, *arguments], cwd=tmp_path, check=True, capture_output=True)
    code = "\n".join(PYTHON.findall(page.read_text(encoding="utf-8")))
    checks = """
assert batch["keypoints"].shape[2:] == (49, 2) and batch["mask"].all()
assert set(batch["label"].tolist()) == {0, 1}
assert len(test) + len(train) <= 4 and test.classes == train.classes
assert [one.gloss for one in train.classes] == ["me/signs:book", "me/signs:tea"]
assert speed.shape == (9,) and labels.tolist() == [0, 1, 0, 1]
assert len(frames) == 40 and len(reach) == 4 and len(pd.read_parquet("tea.parquet")) == 20
assert len(skeletons) == len(train) and skeletons[0]["keypoint"].shape == (1, 10, 49, 2)
"""
    (tmp_path / "page.py").write_text(
        f"if __name__ == '__main__':\n    exec({code + checks!r})", encoding="utf-8"
    )
    done = subprocess.run(
        [sys.executable, "page.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_readme_shows_commands():
    assert len(sessions(ROOT / "README.md")) >= 3
