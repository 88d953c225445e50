"""RTMDet, the person detector that MMPose recommends: from a frame to a box around each person."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from masa_data.estimators.mmpose.stand_ins import DETECTOR_VERSIONS, check_versions, quietly, stand_ins
from masa_data.estimators.mmpose.weights import load_weights
from masa_data.estimators.signer.people import Boxes
from masa_data.machine.extras import folder_of

DETECTOR: Final = "rtmdet_m_640-8xb32_coco-person"
DETECTOR_WEIGHTS: Final = (
    "https://download.openmmlab.com/mmpose/v1/projects/rtmpose/"
    "rtmdet_m_8xb32-100e_coco-obj365-person-235e8209.pth"
)
# A signer is large and clearly visible. MMPose's own threshold of 0.3 also accepts uncertain boxes. Here,
# each box costs a pass of the network for every frame, and marks the clip as having several people.
MIN_SCORE: Final = 0.5


class PersonDetector:
    """RTMDet-m for people, with MMPose's configuration, run as MMDetection runs it.

    Args:
        checkpoint: file of its weights.
        device: "cpu", "cuda" or one of several GPUs, "cuda:1".

    Raises:
        DataError: if MMDetection is not installed, or the weights are not RTMDet's.
    """

    def __init__(self, checkpoint: Path, device: str) -> None:
        check_detector_installed()
        config = read_detector_config()
        with stand_ins():
            self._model, self._prepare = _build(config)
        load_weights(self._model, checkpoint, DETECTOR, "detector_checkpoint", ("data_preprocessor.",))
        self._model.to(device).eval()

    def detect(self, image: NDArray[np.uint8]) -> Boxes:
        """Find the people in a frame.

        Args:
            image: (height, width, 3) blue-green-red.

        Returns:
            (people, 4) left, top, right, bottom in pixels, the highest score first.
        """
        boxes, scores = self.detect_all(image)
        return boxes[scores > MIN_SCORE]

    def detect_all(self, image: NDArray[np.uint8]) -> tuple[Boxes, NDArray[np.float32]]:
        """Find everything in a frame that may be a person.

        Args:
            image: (height, width, 3) blue-green-red.

        Returns:
            (N, 4) boxes in pixels, and their (N,) scores in 0..1, the highest first.
        """
        import torch

        prepared = self._prepare({"img": image, "img_shape": image.shape[:2], "ori_shape": image.shape[:2]})
        batch = {key: [value] for key, value in prepared.items()}
        with quietly(), torch.inference_mode():
            found = self._model.test_step(batch)[0].pred_instances
        return found.bboxes.float().cpu().numpy(), found.scores.float().cpu().numpy()


def check_detector_installed() -> None:
    """Check that MMDetection is installed, without importing it.

    Raises:
        DataError: if it is missing, or its version was not tested.
    """
    check_versions(DETECTOR_VERSIONS)


def read_detector_config() -> Any:
    """Read MMPose's configuration of the detector, which inherits from one of MMDetection's.

    MMEngine would search for that with the removed pkg_resources, so its path is passed. Both are Python
    code, and they are only read from the two wheels.
    """
    from mmengine.config import Config

    text = (_wheel("mmpose") / "demo" / "mmdetection_cfg" / f"{DETECTOR}.py").read_text(encoding="utf-8")
    with quietly():
        return Config.fromstring(text.replace("mmdet::", f"{_wheel('mmdet') / 'configs'}/"), ".py")


def _wheel(package: str) -> Path:
    """Return the folder of configurations in an OpenMMLab package, without importing the package."""
    folder = folder_of(package)
    assert folder is not None  # its version was checked
    return folder / ".mim"


def _build(config: Any) -> tuple[Any, Any]:
    """Return the network without weights, and MMDetection's own steps from a frame to its input."""
    import mmdet.datasets.transforms
    import mmdet.models  # noqa: F401, both add entries to the registries
    from mmdet.registry import MODELS
    from mmengine.dataset import Compose
    from mmengine.model.utils import revert_sync_batchnorm
    from mmengine.registry import DefaultScope

    config.model.backbone.init_cfg = None  # the checkpoint contains all weights
    config.model.train_cfg = None
    steps = [
        step
        for step in config.test_dataloader.dataset.pipeline
        if not step.type.rpartition(".")[2].startswith("Load")
    ]
    steps[-1].meta_keys = ("ori_shape", "img_shape", "scale_factor")
    with DefaultScope.overwrite_default_scope("mmdet"):
        return revert_sync_batchnorm(MODELS.build(config.model)), Compose(steps)
