"""Export a recognizer to ONNX or torch.export. The exported file can be used without this project.

The packed network (batch.py) is fast because it skips missing frames and hands, so its shapes depend on the
data. Here the network processes one clip at a time, with a fixed number of slots, one for each frame that the
recognizer sees; empty slots are computed and masked. The weights are those of the recognizer.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray
from torch import Tensor, nn

from masa_data.disk.new_files import write_whole
from masa_data.errors import DataError
from masa_data.machine.extras import INSTALL_ONNX
from masa_data.tracks.skeleton import BODY, LEFT_HAND, NUM_HAND_KEYPOINTS, NUM_KEYPOINTS, RIGHT_HAND
from masa_model.inputs.batch import SIDE, RawClips
from masa_model.inputs.parts import hand_boxes
from masa_model.inputs.sampling import STRIDES
from masa_model.network.transformer import Block, sinusoids
from masa_model.training.recognizer import Recognizer
from masa_model.training.scoring import Scoring, batch_probabilities

FORMATS: Final = (".onnx", ".pt2")
INPUTS: Final = ("keypoints", "confidence", "frame_size")
_TOLERANCE: Final = 1e-4
# Lengths in frames of the clips that check an exported file: shorter and longer than the number of slots.
_CHECKED_LENGTHS: Final = (2, 20, 33, 90, 310)


class PaddedRecognizer(nn.Module):
    """A network that computes probabilities from the keypoints of one clip, including preprocessing.

    Args:
        trained: recognizer on the CPU; its weights are shared, not copied.

    Raises:
        DataError: if a setting of the recognizer is not possible with fixed shapes.
    """

    def __init__(self, trained: Recognizer) -> None:
        super().__init__()
        if trained.settings.inputs.crop_reference != "frame":
            raise DataError(
                "inputs.crop_reference = clip cannot be exported",
                "Use a run with inputs.crop_reference = frame, the default",
            )
        self.model = trained.model
        self.temperature = trained.header.temperature
        self.slots = trained.settings.sampling.frames
        self.stride = STRIDES.get(trained.settings.sampling.how)  # None = frames spread over the clip
        self.max_frames = trained.settings.inputs.max_frames

    def forward(
        self,
        keypoints: Float[Tensor, "frames 49 2"],
        confidence: Float[Tensor, "frames 49"],
        frame_size: Float[Tensor, " 2"],
    ) -> Float[Tensor, " classes"]:
        """Recognize one clip.

        Args:
            keypoints: keypoint positions in pixels; the value has no meaning where the confidence is 0.
            confidence: keypoint confidences in 0..1; 0 = missing.
            frame_size: width and height of the frames in pixels.

        Returns:
            the probability of each class.
        """
        seen = (confidence > 0).T
        size = (frame_size * (SIDE / frame_size.max()))[:, None]
        pixels = keypoints.permute(1, 2, 0)
        x = torch.where(seen[:, None], pixels * (SIDE / frame_size.max()), 0.0).contiguous()
        sure = torch.where(seen, confidence.T, 0.0).contiguous()
        center, side = hand_boxes(x, sure, size.expand(2, x.shape[2]))
        frame, filled = self._frames_of_slots(side.isfinite().any(0))
        coordinates, seen, present = _in_parts(
            x[:, :, frame], sure[:, frame], center[:, :, frame], side[:, frame], size
        )
        tokens = self._embedded(coordinates, seen, present)
        tokens = tokens + sinusoids(torch.arange(self.slots), tokens.shape[1])
        for block in self.model.encoder.encoder.blocks:
            assert isinstance(block, Block)
            tokens = _through(block, tokens, filled)
        scores = self.model.head(self._pooled(tokens, filled)[None])[0]
        return (scores / self.temperature).softmax(0)

    def _frames_of_slots(
        self, has_box: Bool[Tensor, " frames"]
    ) -> tuple[Int[Tensor, " slots"], Bool[Tensor, " slots"]]:
        """Choose the frame of each slot, as parts._chosen_frames and center sampling do; find empty slots."""
        kept = has_box | ~has_box.any()
        place = kept.long().cumsum(0) - 1
        stride = (kept.sum() + self.max_frames - 1) // self.max_frames
        chosen = kept & (place % stride == 0)
        rank, count = chosen.long().cumsum(0) - 1, chosen.sum()
        slot = torch.arange(self.slots)
        shown = count
        if self.stride is None:
            spread = torch.minimum(((slot + 0.5) * count / self.slots).long(), count - 1)
            wanted = torch.where(count <= self.slots, slot, spread)
        else:
            shown = ((count + self.stride - 1) // self.stride).clamp(max=self.slots)
            reach = (shown - 1) * self.stride + 1
            wanted = slot * self.stride + (0.5 * (count - reach + 1)).long()
        shows = (rank == wanted[:, None]) & chosen
        return shows.long().argmax(1), slot < shown

    def _embedded(
        self,
        coordinates: Float[Tensor, "49 2 slots"],
        seen: Bool[Tensor, "49 slots"],
        present: Bool[Tensor, "2 slots"],
    ) -> Float[Tensor, "slots features"]:
        embedding = self.model.encoder.embedding
        x, there = coordinates.permute(2, 0, 1), seen.T
        body = embedding.body(x[:, BODY], there[:, BODY])
        found = embedding.hand(
            torch.cat([x[:, LEFT_HAND], x[:, RIGHT_HAND]]),
            torch.cat([there[:, LEFT_HAND], there[:, RIGHT_HAND]]),
        ).view(2, self.slots, -1)
        left, right = torch.where(present[..., None], found, embedding.absent_hand)
        return torch.cat([body, left, right], 1)

    def _pooled(
        self, tokens: Float[Tensor, "slots features"], filled: Bool[Tensor, " slots"]
    ) -> Float[Tensor, " features"]:
        weights = filled / filled.sum()
        if self.model.frame_weight is not None:
            scores = self.model.frame_weight(tokens)[:, 0]
            weights = scores.masked_fill(~filled, -torch.inf).softmax(0)
        return (tokens * weights[:, None]).sum(0)


def export(trained: Recognizer, target: Path) -> float:
    """Write a recognizer to an .onnx or .pt2 file, and compare the file's results with the recognizer's.

    Args:
        trained: recognizer on the CPU.
        target: path of the file.

    Returns:
        the largest difference between probabilities on synthetic clips.

    Raises:
        DataError: if the file extension is another one, a library is missing, or the results differ.
        OSError: if the file cannot be written; an existing file is then unchanged.
    """
    if target.suffix not in FORMATS:
        raise DataError(
            f"found the target {target.name!r}", f"Use a file name that ends in {' or '.join(FORMATS)}"
        )
    padded = PaddedRecognizer(trained).eval()
    example = _made_up_clip(20)
    frames = torch.export.Dim("frames", min=2, max=100_000)
    shapes = {"keypoints": {0: frames}, "confidence": {0: frames}, "frame_size": None}
    program = torch.export.export(padded, example, dynamic_shapes=shapes)
    if target.suffix == ".pt2":
        extra = {"glosses.txt": "\n".join(trained.classes.glosses)}
        made = io.BytesIO()  # writing to a file, torch aborts the process if the disk is full
        torch.export.save(program, made, extra_files=extra)
        data = made.getvalue()
        difference = _largest_difference(trained, torch.export.load(io.BytesIO(data)).module())
    else:
        data = _as_onnx(trained, program)
        difference = _largest_difference(trained, _asks_onnx(data))
    if not difference < _TOLERANCE:
        raise DataError(
            f"the exported file's probabilities differ by {difference:.2g}, expected less than {_TOLERANCE}",
            "Report it with the run's settings; the file was not written",
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    write_whole(target, data)
    return difference


def _as_onnx(trained: Recognizer, program: torch.export.ExportedProgram) -> bytes:
    try:
        import onnx  # noqa: F401  # torch needs these
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise DataError(f"{error.name} is not installed", f"{INSTALL_ONNX}, or write a .pt2") from None
    made = torch.onnx.export(program, input_names=list(INPUTS), output_names=["probabilities"], verbose=False)
    assert made is not None
    proto = made.model_proto
    entry = proto.metadata_props.add()
    entry.key, entry.value = "glosses", "\n".join(trained.classes.glosses)
    return bytes(proto.SerializeToString())


def _asks_onnx(data: bytes) -> Callable[..., Tensor]:
    import onnxruntime

    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])

    def ask(*clip: Tensor) -> Tensor:
        given = {name: value.numpy() for name, value in zip(INPUTS, clip, strict=True)}
        return torch.from_numpy(session.run(None, given)[0])

    return ask


def _largest_difference(trained: Recognizer, ask) -> float:  # type: ignore[no-untyped-def]  # noqa: ANN001
    with torch.no_grad():
        return max(
            float(np.abs(ask(*clip).numpy() - packed_probabilities(trained, *clip)).max())
            for clip in map(_made_up_clip, _CHECKED_LENGTHS)
        )


def packed_probabilities(
    trained: Recognizer, keypoints: Tensor, confidence: Tensor, frame_size: Tensor
) -> NDArray[np.float32]:
    """Compute the (C,) probabilities of a clip with the recognizer; arguments as for PaddedRecognizer."""
    scale = SIDE / frame_size.max()
    raw = RawClips(
        (keypoints * scale).permute(1, 2, 0).contiguous(),
        confidence.T.contiguous(),
        (frame_size * scale)[:, None],
        torch.tensor([len(keypoints)]),
        torch.tensor([0]),
    )
    temperature = trained.header.temperature
    return batch_probabilities(
        trained.model, raw, trained.settings, torch.device("cpu"), Scoring(temperature)
    )[0]


def _made_up_clip(frames: int) -> tuple[Tensor, Tensor, Tensor]:
    """Create a synthetic clip in which hands and keypoints are missing in some frames."""
    random = np.random.Generator(np.random.PCG64(frames))
    keypoints = random.uniform(100, 400, (1, NUM_KEYPOINTS, 2)) + random.normal(
        0, 8, (frames, NUM_KEYPOINTS, 2)
    )
    confidence = random.uniform(0.2, 1, (frames, NUM_KEYPOINTS)) * (
        random.random((frames, NUM_KEYPOINTS)) > 0.1
    )
    confidence[::3, 7:28] = 0
    confidence[1::4, 28:] = 0
    return (
        torch.from_numpy(keypoints.astype(np.float32)),
        torch.from_numpy(confidence.astype(np.float32)),
        torch.tensor([640.0, 480.0]),
    )


def _in_parts(
    x: Float[Tensor, "49 2 slots"],
    sure: Float[Tensor, "49 slots"],
    center: Float[Tensor, "2 2 slots"],
    side: Float[Tensor, "2 slots"],
    size: Float[Tensor, "2 1"],
) -> tuple[Float[Tensor, "49 2 slots"], Bool[Tensor, "49 slots"], Bool[Tensor, "2 slots"]]:
    """Return coordinates, visible keypoints and present hands, as parts.prepare_clips computes them."""
    hands_sure = sure[7:].reshape(2, NUM_HAND_KEYPOINTS, -1)
    present = side.isfinite() & (hands_sure.amax(1) > 0)
    seen = torch.cat([sure[BODY] > 0, ((hands_sure > 0) & present[:, None]).flatten(0, 1)])
    scale = torch.where(present, SIDE / side, 0.0)
    hands = (x[7:].reshape(2, NUM_HAND_KEYPOINTS, 2, -1) - center[:, None]) * scale[:, None, None]
    mirror = torch.tensor([[-1.0, 1.0], [1.0, 1.0]])  # the left hand is mirrored
    hands = hands * mirror[:, None, :, None]
    coordinates = torch.cat([x[BODY] - size / 2, hands.flatten(0, 1)])
    return torch.where(seen[:, None], coordinates, 0.0), seen, present


def _through(
    block: Block, tokens: Float[Tensor, "slots features"], filled: Bool[Tensor, " slots"]
) -> Float[Tensor, "slots features"]:
    """Apply a block as Block.forward does in evaluation mode, with empty slots masked."""
    slots = tokens.shape[0]
    query, key, value = block.project_in(tokens).view(slots, 3, block.heads, -1).permute(1, 2, 0, 3)
    attended = nn.functional.scaled_dot_product_attention(
        query[None], key[None], value[None], attn_mask=filled[None, None, None]
    )[0]
    tokens = block.attention_norm(tokens + block.project_out(attended.transpose(0, 1).flatten(1)))
    return block.feed_forward_norm(tokens + block.narrow(torch.relu(block.widen(tokens))))
