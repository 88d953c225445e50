"""What many tests need: real clips, made-up clips, tracks, and the commands as a user runs them."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from demo.footage import write_footage
from masa_data.tracks.provenance import EstimatorIdentity, Provenance
from masa_data.tracks.track import ClipInfo, PoseTrack

if importlib.util.find_spec("torch"):
    from jaxtyping import install_import_hook

    import tests.typechecking  # noqa: F401  # named below

    # Every shape in an annotation of masa_model is checked while the tests run.
    install_import_hook("masa_model", "tests.typechecking.checked")

ROOT = Path(__file__).parent.parent
SHARED_DATA = Path(os.environ.get("MASA_SHARED_DATA", ROOT.parent / "shared" / "data"))
VIDEO_ENDINGS = {".mp4", ".gif"}

# Where MMPose is installed it would be the default, and ask for weights that cannot be had off line.
ESTIMATOR = ("--estimator", "mediapipe")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real clips and annotation lists that may not be copied into the project."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"{SHARED_DATA} is absent: no real clips at hand (MASA_SHARED_DATA names their folder)")
    return SHARED_DATA


@pytest.fixture(scope="session")
def shared_videos(shared_data: Path) -> list[Path]:
    """Ordinary clips; the odd ones in video_hard have tests of their own."""
    found = [path for path in shared_data.glob("video_*/*") if path.suffix in VIDEO_ENDINGS]
    return sorted(path for path in found if path.parent.name != "video_hard")


@pytest.fixture(scope="session")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four glosses × three takes of a moved photograph, small and short: 12 clips of 8 frames."""
    folder = tmp_path_factory.mktemp("footage")
    write_footage(folder, takes=3, frames=8, scale=0.6)
    return folder


@pytest.fixture
def provenance() -> Provenance:
    return Provenance(
        estimator=EstimatorIdentity(
            name="made-up",
            version="1",
            settings={"threshold": 0.5},
            weights_sha256="0" * 64,
            confidence="none",
        ),
        tool_version="0",
    )


def make_track(clip_id: str = "clip", frames: int = 5, seed: int = 0, **info: object) -> PoseTrack:
    """A track of random keypoints, some missing and some outside the frame."""
    rng = np.random.default_rng([seed, *clip_id.encode()])
    facts = {"path": f"videos/{clip_id}.mp4", "fps": 25.0, "width": 640, "height": 360, "end": frames} | info
    keypoints = rng.uniform(-0.06, 1.06, (frames, 49, 2)) * (facts["width"], facts["height"])
    confidence = rng.uniform(0.01, 1, (frames, 49)) * (rng.random((frames, 49)) > 0.2)
    index = np.arange(frames)
    box = rng.uniform(0, 160, (frames, 4)) + np.array([0, 0, 200, 200])
    box[0] = np.nan
    return PoseTrack.with_missing(ClipInfo(clip_id, **facts), keypoints, confidence, index, index / 25, box)


def assert_same_track(found: PoseTrack, expected: PoseTrack) -> None:
    """Equal to the file's resolution: half a step of 1/21,845 of the longer side, and half of 1/255."""
    longer_side = max(expected.info.width, expected.info.height)
    np.testing.assert_equal(asdict(found.info), asdict(expected.info))  # NaN equals NaN here
    np.testing.assert_array_equal(found.confidence > 0, expected.confidence > 0)
    np.testing.assert_allclose(found.confidence, expected.confidence, rtol=0, atol=1 / 255)
    np.testing.assert_allclose(
        found.keypoints, expected.keypoints, rtol=0, atol=longer_side / 43690 * 1.001 + 1e-4
    )
    np.testing.assert_array_equal(found.frame_index, expected.frame_index)
    np.testing.assert_array_equal(found.time, expected.time)
    np.testing.assert_allclose(found.box, expected.box, rtol=0, atol=longer_side / 43690 * 1.001 + 1e-4)


@pytest.fixture
def run() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run one of the commands as a user does: `run("masa-extract", "videos", "out.h5", code=3)`."""

    def run_command(
        command: str, *arguments: object, code: int | None = 0, **options: object
    ) -> subprocess.CompletedProcess[str]:
        if command == "masa-extract" and "--estimator" not in arguments:
            arguments = (*arguments, *ESTIMATOR)
        done = subprocess.run(
            [str(Path(sys.executable).parent / command), *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            **options,
        )
        if code is not None:
            assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    return run_command


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run one of the commands in this process: `call("masa-probe", "--run", folder)`.

    A start takes longer than the work of most commands; `run` is for those whose start is tested.
    """

    def call_command(
        command: str, *arguments: object, code: int | tuple[int, ...] = 0, cwd: Path | None = None
    ) -> Result:
        if command == "masa-extract" and "--estimator" not in arguments:
            arguments = (*arguments, *ESTIMATOR)
        (entry,) = entry_points(group="console_scripts", name=command)
        with in_threads_of_tests(), monkeypatch.context() as here:
            if cwd is not None:
                here.chdir(cwd)
            done = CliRunner().invoke(entry.load(), list(map(str, arguments)))
        codes = code if isinstance(code, tuple) else (code,)
        assert done.exit_code in codes, f"{command} {arguments}\n{done.output}{done.exception!r}"
        return done

    return call_command


@contextmanager
def in_threads_of_tests() -> Iterator[None]:
    """torch with the threads that tests have (tests/masa_model/conftest.py)."""
    if not importlib.util.find_spec("torch"):
        yield
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(int(os.environ.get("MASA_TEST_THREADS", 1)))
    yield
    torch.set_num_threads(before)
