"""What extraction costs beyond the estimator, what workers gain, and whether memory grows.

Runs on the real clips in ../shared/data (or MASA_SHARED_DATA) where they are, else on the demo's footage.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path

from demo.footage import affine_path, write_clip, write_footage
from masa_data.corpora.clip import Clip
from masa_data.estimators.mediapipe import MediaPipeHolistic
from masa_data.extraction.clip import extract_clip
from masa_data.shards.journal import Journal
from masa_data.shards.quantize import quantize
from masa_data.tracks.provenance import Sampling
from masa_data.video.frames import Video

ROOT = Path(__file__).parent.parent
SHARED_DATA = Path(os.environ.get("MASA_SHARED_DATA", ROOT.parent / "shared" / "data"))
MASA_EXTRACT = str(Path(sys.executable).parent / "masa-extract")
ONE_CORE = {min(os.sched_getaffinity(0))}


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_footage(folder / "videos")
        # Not video_hard, whose files are made to be refused.
        videos = [path for path in SHARED_DATA.glob("video_[!h]*/*") if path.suffix in (".mp4", ".gif")]
        overhead(sorted(videos) or sorted(folder.glob("videos/*/*.mp4")), folder)
        workers(folder)
        memory(folder)


def overhead(videos: list[Path], folder: Path) -> None:
    """CPU time of decode + estimator + quantize + journal, against the estimator on decoded frames."""
    os.sched_setaffinity(0, ONE_CORE)
    estimator = MediaPipeHolistic()
    bare: dict[str, float] = defaultdict(float)
    whole: dict[str, float] = defaultdict(float)
    with Journal(folder / "journal") as journal:
        for number, path in enumerate(videos):
            images = [frame.image for frame in Video(path)]
            size = f"{images[0].shape[1]}×{images[0].shape[0]}"
            clip = Clip(str(number), path, str(path), "folder")
            list(estimator.estimate(images[:5], None))  # warm
            start = time.process_time()
            list(estimator.estimate(images, None))
            middle = time.process_time()
            extracted = extract_clip(clip, estimator, Sampling(), "auto")
            journal.append(quantize(extracted.track))
            for group in (size, "all"):
                bare[group] += middle - start
                whole[group] += time.process_time() - middle
    for size in bare:
        print(
            f"decode, write and all else on top of the estimator, {size}: {whole[size] / bare[size] - 1:+.1%}"
        )
    os.sched_setaffinity(0, range(os.cpu_count() or 1))


def frames_per_second(arguments: list[str], frames: int) -> float:
    start = time.perf_counter()
    subprocess.run([MASA_EXTRACT, *arguments, "--estimator", "mediapipe"], check=True, capture_output=True)
    return frames / (time.perf_counter() - start)


def workers(folder: Path) -> None:
    """Two workers against one that is held to one core, start-up included."""
    frames = sum(1 for path in folder.glob("videos/*/*.mp4") for _ in Video(path))
    source = str(folder / "videos")
    os.sched_setaffinity(0, ONE_CORE)
    one = frames_per_second([source, str(folder / "one.h5"), "--workers", "1"], frames)
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
    two = frames_per_second([source, str(folder / "two.h5"), "--workers", "2"], frames)
    print(
        f"one worker on one core {one:.1f} frames/s, two workers {two:.1f}: {two / one:.2f}× (at least 1.6)"
    )


def memory(folder: Path) -> None:
    """Peak memory of the largest process of an extraction of 10 and of 1,000 clips of 4 frames."""
    peaks = []
    for clips in (10, 1000):
        videos = folder / f"short{clips}"
        write_clip(videos / "0000.mp4", affine_path("nod", 4), scale=0.5)
        for number in range(1, clips):
            os.link(videos / "0000.mp4", videos / f"{number:04d}.mp4")
        peaks.append(
            peak_memory(
                [
                    MASA_EXTRACT,
                    str(videos),
                    str(folder / f"short{clips}.h5"),
                    "-q",
                    "--estimator",
                    "mediapipe",
                ]
            )
        )
        print(f"{clips} clips: command {peaks[-1][0]:.0f} MB, largest worker {peaks[-1][1]:.0f} MB")
    command, worker = (large / small for small, large in zip(*peaks, strict=True))
    print(f"1,000 clips against 10: command {command:.2f}×, worker {worker:.2f}×")


def peak_memory(command: list[str]) -> tuple[float, float]:
    """Peak resident memory, in MB, of a command and of the largest of its children."""
    process = subprocess.Popen(command)
    peak = [0.0, 0.0]

    def watch() -> None:
        while process.poll() is None:
            for path in Path("/proc").glob("[0-9]*/status"):
                try:
                    lines = path.read_text().splitlines()
                except OSError:
                    continue
                facts = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
                for place, pid in enumerate((facts.get("Pid"), facts.get("PPid"))):
                    if pid == str(process.pid) and "VmHWM" in facts:
                        peak[place] = max(peak[place], int(facts["VmHWM"].split()[0]) / 1024)
            time.sleep(0.2)

    thread = threading.Thread(target=watch)
    thread.start()
    if process.wait() != 0:
        raise RuntimeError(f"{command} ended with exit code {process.returncode}")
    thread.join()
    return peak[0], peak[1]
