"""The shared clips' frames, and MMPose's models with fixed random weights."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pytest

from masa_data.errors import DataError
from masa_data.estimators.mmpose.config import read_config
from masa_data.estimators.mmpose.detector import check_detector_installed
from masa_data.estimators.mmpose.models import find_model
from masa_data.estimators.mmpose.options import check_installed
from masa_data.estimators.mmpose.stand_ins import quietly, stand_ins
from masa_data.tracks.provenance import Sampling
from masa_data.tracks.skeleton import COCO_WHOLEBODY_INDICES
from masa_data.video.frames import Video

TIE = 1e-5  # outputs of the network this close may come out either way


@pytest.fixture(scope="session")
def frames_of():
    def read(clip: Path, every: int = 1, most: int | None = None):
        video = iter(Video(clip, sampling=Sampling(every=every)))
        return [frame.image for frame, _ in zip(video, range(most or 10**9), strict=False)]

    return read


@pytest.fixture(scope="session")
def moving_frames():
    """Frames of a smooth moving pattern, for where no real footage is needed."""

    def make(count: int, width: int = 320, height: int = 240):
        y, x = np.mgrid[:height, :width].astype(np.float32)
        shades = [np.sin(x / 23 + t / 3) + np.cos(y / 17 - t / 5) for t in range(count)]
        return [
            np.stack([(60 + 10 * c) * shade + 128 for c in range(3)], -1).clip(0, 255).astype(np.uint8)
            for shade in shades
        ]

    return make


@pytest.fixture(scope="session")
def mmpose_installed():
    try:
        check_installed()
    except DataError as error:
        pytest.skip(str(error))
    import torch

    torch.set_num_threads(1)  # tests run side by side


class Reference:
    """A model built and run by MMPose itself, with fixed random weights, and a checkpoint of them."""

    def __init__(self, name: str, folder: Path) -> None:
        import torch

        card = find_model(name)
        with stand_ins():
            from mmpose.apis import inference_topdown, init_model

            torch.manual_seed(0)
            self.model = init_model(read_config(card), device="cpu")
        self._infer = inference_topdown
        self._randomize(torch)
        self.checkpoint = folder / f"{card.name}.pth"
        torch.save({"meta": {"epoch": 1}, "state_dict": self.model.state_dict()}, self.checkpoint)

    def _randomize(self, torch) -> None:
        with torch.no_grad(), quietly():
            for module in self.model.modules():
                if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
                    module.running_mean.normal_(0, 0.1)
                    module.running_var.uniform_(0.5, 1.5)
                    module.weight.uniform_(0.5, 1.5)
                    module.bias.normal_(0, 0.1)
            for name in ("cls_x", "cls_y"):  # scores of the size that trained models' have
                if hasattr(self.model.head, name):
                    getattr(self.model.head, name).weight.mul_(0.1)
            if self.model.head.decoder.__class__.__name__ != "SimCCLabel":
                width, height = self.model.head.decoder.input_size
                noise = torch.rand(4, 3, height, width) * 4 - 2
                peaks = self.model.head.forward(self.model.extract_feat(noise)).amax(dim=(2, 3))
                for parameter in self.model.head.final_layer.parameters():
                    parameter.div_(peaks.abs().mean())

    def run(self, images, boxes, flip_test: bool):
        """(B, 49, 2) keypoints, (B, 49) scores, and (B, 49) whether a keypoint hangs on less than TIE."""
        head = self.model.head
        self.model.test_cfg["flip_test"] = flip_test
        tied = []
        decode = type(head).decode

        def recording(outputs):
            tied.append(_tied(outputs, functools.partial(decode, head)))
            return decode(head, outputs)

        head.decode = recording
        with quietly():
            found = [
                self._infer(self.model, image, box[None])[0].pred_instances
                for image, box in zip(images, boxes, strict=True)
            ]
        del head.decode
        kept = COCO_WHOLEBODY_INDICES
        return (
            np.stack([instance.keypoints[0, kept] for instance in found]),
            np.stack([instance.keypoint_scores[0, kept] for instance in found]),
            np.stack(tied)[:, kept],
        )


def _tied(outputs, decode):
    """Whether each of one frame's 133 keypoints hangs on differences in the network's output below TIE.

    With an output for each axis, two bins tie. A heat map's best bin is refined by the logarithm's curvature,
    which may hang on less; so there MMPose's own decoder is asked, with noise of that size.
    """
    import torch

    if isinstance(outputs, tuple):
        best = [axis[0].topk(2).values for axis in outputs]
        return np.any([(pair[:, 0] - pair[:, 1] <= TIE).numpy() for pair in best], axis=0)
    generator = torch.Generator().manual_seed(0)
    noise = (torch.rand(outputs.shape, generator=generator) - 0.5) * TIE
    plain, noisy = (decode(maps)[0].keypoints[0] for maps in (outputs, outputs + noise))
    nothing_found = (outputs[0].flatten(1).amax(1) <= 0).numpy()  # UDP's decoder then reads the next map
    return nothing_found | (np.abs(plain - noisy).max(axis=-1) > 1e-4)


class DetectorReference:
    """RTMDet built and run by MMDetection itself, with fixed random weights, and a checkpoint of them."""

    def __init__(self, folder: Path, frame) -> None:
        import torch

        with stand_ins():
            import mmdet
            from mmdet.apis import inference_detector, init_detector
            from mmengine.config import Config

            config = Config.fromfile(
                Path(mmdet.__file__).parent / ".mim/configs/rtmdet/rtmdet_m_8xb32-300e_coco.py"
            )
            config.model.bbox_head.num_classes = 1
            config.model.test_cfg = {  # as in MMPose's configuration for people
                "nms_pre": 1000,
                "min_bbox_size": 0,
                "score_thr": 0.05,
                "nms": {"type": "nms", "iou_threshold": 0.6},
                "max_per_img": 100,
            }
            torch.manual_seed(0)
            self.model = init_detector(config, None, device="cpu")
        self._infer = inference_detector
        self._randomize(torch, frame)
        self.checkpoint = folder / "rtmdet.pth"
        torch.save({"meta": {"epoch": 1}, "state_dict": self.model.state_dict()}, self.checkpoint)

    def _randomize(self, torch, frame) -> None:
        """Scores that differ, of which a few in a frame are over 0.5, and boxes of the size of people."""
        head = self.model.bbox_head
        with torch.no_grad():
            for module in self.model.modules():
                if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
                    module.running_mean.normal_(0, 0.1)
                    module.running_var.uniform_(0.5, 1.5)
                    module.weight.uniform_(0.5, 1.5)
                    module.bias.normal_(0, 0.1)
            seen = []
            head.rtm_cls[0].register_forward_hook(lambda module, taken, given: seen.append(given))
            for convolution in head.rtm_reg:
                convolution.bias.fill_(1.5)
            self.run(frame)
            head.rtm_cls[0]._forward_hooks.clear()
            for convolution, logits in zip(head.rtm_cls, [seen[0]] * 3, strict=True):
                convolution.weight.div_(logits.std())
                convolution.bias.fill_(float(-(logits - logits.mean()).quantile(0.999) / logits.std()))

    def run(self, image):
        """(N, 4) boxes and (N,) scores, highest first."""
        from mmengine.registry import DefaultScope

        with quietly(), DefaultScope.overwrite_default_scope("mmdet"):  # MMPose may be in use beside it
            found = self._infer(self.model, image).pred_instances
        return found.bboxes.numpy(), found.scores.numpy()


@pytest.fixture(scope="session")
def detector_reference(mmpose_installed, tmp_path_factory, moving_frames):
    try:
        check_detector_installed()
    except DataError as error:
        pytest.skip(str(error))
    return DetectorReference(tmp_path_factory.mktemp("detector"), moving_frames(1)[0])


@pytest.fixture(scope="session")
def reference(mmpose_installed, tmp_path_factory):
    """Make a Reference by a model's name; each is made once."""
    made: dict[str, Reference] = {}

    def make(name: str) -> Reference:
        if name not in made:
            made[name] = Reference(name, tmp_path_factory.mktemp("checkpoints"))
        return made[name]

    return make
