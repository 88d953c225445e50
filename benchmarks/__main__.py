"""Run every benchmark, or those named: `python -m benchmarks reading`."""

import importlib.util
import sys

from benchmarks import extraction, landmarks, reading


def beside_mmpose() -> None:
    """MMPose's own inferencer beside ours, if MMPose is installed."""
    if importlib.util.find_spec("mmpose") is None:
        print("MMPose is not installed: make install-mmpose")
        return
    from benchmarks import mmpose  # imports torch

    videos = [*extraction.SHARED_DATA.glob("video_mmpose_pair/*.mp4")]
    if videos:
        mmpose.main(list(map(str, videos)))
    else:
        print(f"no clips at hand in {extraction.SHARED_DATA}: python -m benchmarks.mmpose VIDEO...")


def pretraining() -> None:
    """The data path, the training step and validation, if torch is installed."""
    if importlib.util.find_spec("torch") is None:
        print("torch is not installed: make install-train")
        return
    from benchmarks import training, validation  # import torch

    training.main([])
    validation.main()


BENCHMARKS = {
    "reading": reading.main,
    "extraction": extraction.main,
    "landmarks": landmarks.main,
    "mmpose": beside_mmpose,
    "training": pretraining,
}

if __name__ == "__main__":
    for name in sys.argv[1:] or BENCHMARKS:
        print(f"== {name}")
        BENCHMARKS[name]()
