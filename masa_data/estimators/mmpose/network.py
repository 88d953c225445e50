"""An MMPose top-down network, reduced to the 49 keypoints: from crops of frames to keypoints."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from masa_data.estimators.mmpose.config import Precision, facts_of, read_config
from masa_data.estimators.mmpose.models import ModelCard
from masa_data.estimators.mmpose.stand_ins import quietly, stand_ins
from masa_data.estimators.mmpose.weights import load_weights
from masa_data.tracks.skeleton import COCO_WHOLEBODY_INDICES, MIRROR


class Cutout(NamedTuple):
    """The part of a frame that the network sees.

    Attributes:
        pixels: (input height, input width, 3) uint8, blue-green-red.
        center: (2,) center of the crop in the frame, in pixels.
        size: (2,) width and height of the crop in the frame, in pixels.
    """

    pixels: NDArray[np.uint8]
    center: NDArray[np.float32]
    size: NDArray[np.float32]


class TopDownNetwork:
    """A network with its weights, on a device.

    Args:
        card: the model.
        checkpoint: file of its weights.
        device: "cpu", "cuda" or one of several GPUs, "cuda:1".
        flip_test: whether the mirror image of every crop is also used, and the results are averaged.
        precision: precision of the network's computations; less than fp32 on a GPU only.

    Raises:
        DataError: if the model is of another kind, or the weights do not belong to it.
    """

    def __init__(
        self, card: ModelCard, checkpoint: Path, device: str, flip_test: bool, precision: Precision
    ) -> None:
        import torch

        config = read_config(card)
        self.facts = facts_of(config, card.name)
        with stand_ins():
            self._model = _build(config)
            self._to_center, self._warp = _crop_steps(config)
            from mmpose.models.utils.tta import flip_heatmaps, flip_vectors
        self._flip_heatmaps, self._flip_vectors = flip_heatmaps, flip_vectors
        load_weights(
            self._model, checkpoint, card.name, "checkpoint", ("data_preprocessor.", "head.loss_module.")
        )
        self._prepare(device)
        self.device = torch.device(device)
        self._flip_test = flip_test
        self._dtype = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]

    def _prepare(self, device: str) -> None:
        """Make the model faster where this does not change its keypoints.

        Folding batch norms into convolutions, another memory layout, and one pass for frames and mirror
        images change the last digits. This does not change RTMPose's keypoints, which are bins. A heat map's
        keypoint is refined by the map's curvature, and RTMW's head normalizes twice: both can amplify the
        change. Therefore, on the CPU only RTMPose is made faster.
        """
        import torch
        from mmcv.cnn.utils import fuse_conv_bn

        decoder = self._model.head.decoder
        if getattr(decoder, "decode_visibility", False):
            decoder.decode_visibility = False  # a second score that is not used here
        self._model = self._model.eval()
        self._is_faster = type(self._model.head).__name__ == "RTMCCHead" or device != "cpu"
        self._layout = torch.channels_last if self._is_faster else torch.contiguous_format
        if self._is_faster:
            with torch.no_grad():
                self._model = fuse_conv_bn(self._model).to(memory_format=torch.channels_last)
        self._model.to(device)

    def crop(self, image: NDArray[np.uint8], box: NDArray[np.float32]) -> Cutout:
        """Cut the crop around a box out of a frame, as MMPose does.

        Args:
            image: (height, width, 3) blue-green-red.
            box: (4,) x0, y0, x1, y1 in pixels.
        """
        results = self._warp.transform(self._to_center.transform({"img": image, "bbox": box[None]}))
        return Cutout(results["img"], results["input_center"], results["input_scale"])

    def find(self, pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Run the network.

        Args:
            pixels: (B, input height, input width, 3) uint8, blue-green-red.

        Returns:
            (B, 49, 2) keypoints in pixels of the crop, and their (B, 49) unchanged scores.
        """
        import torch

        with (
            quietly(),
            torch.inference_mode(),
            torch.autocast(self.device.type, self._dtype, enabled=self._dtype is not None),
        ):
            images = self._normalized(torch.from_numpy(pixels).to(self.device))
            kept = self._with_flip_test(images) if self._flip_test else self._forward(images)
            found = self._model.head.decode(kept if self.facts.family == "simcc" else kept[0])
        return (
            np.concatenate([instance.keypoints for instance in found]).astype(np.float32),
            np.concatenate([instance.keypoint_scores for instance in found]).astype(np.float32),
        )

    def memory_per_frame(self, pixels: NDArray[np.uint8]) -> tuple[float, float]:
        """Return the GPU memory in bytes that each frame of a batch takes, and the free memory in bytes.

        Args:
            pixels: (B, input height, input width, 3) a batch for the measurement.
        """
        import torch

        before = torch.cuda.memory_allocated(self.device)
        torch.cuda.reset_peak_memory_stats(self.device)
        self.find(pixels)
        needed = (torch.cuda.max_memory_allocated(self.device) - before) / len(pixels)
        self.forget_memory()
        return needed, float(torch.cuda.mem_get_info(self.device)[0])

    def forget_memory(self) -> None:
        """Release memory that torch keeps for reuse."""
        import torch

        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def _normalized(self, pixels: Any) -> Any:
        """Convert (B, H, W, 3) uint8 to (B, 3, H, W) float32, in the order and scale of the training."""
        import torch

        preprocessor = self._model.data_preprocessor
        images = pixels.permute(0, 3, 1, 2)
        if preprocessor._channel_conversion:
            images = images.flip(1)
        images = images.to(torch.float32, memory_format=self._layout)
        return (images - preprocessor.mean) / preprocessor.std

    def _forward(self, images: Any) -> tuple[Any, ...]:
        """Return the head's outputs for 49 keypoints: (B, 49, h, w) heat maps, or (B, 49, n) for x and y."""
        outputs = self._model.head.forward(self._model.extract_feat(images))
        parts = outputs if isinstance(outputs, tuple) else (outputs,)
        return tuple(part[:, COCO_WHOLEBODY_INDICES].float() for part in parts)

    def _with_flip_test(self, images: Any) -> tuple[Any, ...]:
        """Return the mean of the outputs for the images and for their mirror images, mirrored back."""
        import torch

        if self._is_faster:
            both = self._forward(torch.cat([images, images.flip(-1)]))
            seen, mirrored = zip(*(part.chunk(2) for part in both), strict=True)
        else:
            seen, mirrored = self._forward(images), self._forward(images.flip(-1))
        if self.facts.family == "simcc":
            turned = self._flip_vectors(*mirrored, flip_indices=MIRROR)
        else:
            shift = bool(self._model.test_cfg.get("shift_heatmap", False))
            turned = (self._flip_heatmaps(mirrored[0], MIRROR, shift_heatmap=shift),)
        return tuple((plain + mirror) * 0.5 for plain, mirror in zip(seen, turned, strict=True))


def _build(config: Any) -> Any:
    from mmengine.model.utils import revert_sync_batchnorm
    from mmengine.registry import init_default_scope
    from mmpose.models.builder import build_pose_estimator

    init_default_scope("mmpose")
    config.model.backbone.init_cfg = None  # the checkpoint contains all weights
    config.model.train_cfg = None
    return revert_sync_batchnorm(build_pose_estimator(config.model))


def _crop_steps(config: Any) -> tuple[Any, Any]:
    """Return MMPose's own steps from a box to a crop."""
    import mmpose.datasets.transforms  # noqa: F401, adds its steps to the registry
    from mmpose.registry import TRANSFORMS

    steps = {step.type: step for step in config.test_dataloader.dataset.pipeline}
    return TRANSFORMS.build(steps["GetBBoxCenterScale"]), TRANSFORMS.build(steps["TopdownAffine"])
