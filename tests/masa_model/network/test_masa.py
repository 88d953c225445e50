"""The network whole: what may influence what, and where gradients go."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from masa_model.inputs.frames import encoder_input
from masa_model.inputs.masked import PretrainInput, masked_clips, motion_targets, pretrain_input
from masa_model.inputs.masking import choose_key_frames, masks_of
from masa_model.inputs.motion import Motion
from masa_model.inputs.packing import Packing
from masa_model.inputs.parts import prepare_clips
from masa_model.network.alignment import contrastive_logits, info_nce
from masa_model.network.encoder import PoseEncoder
from masa_model.network.masa import MASA
from masa_model.settings.masking import MaskingSettings
from masa_model.settings.network import NetworkSettings
from masa_model.settings.pretrain import AlignmentSettings, MotionSettings, PretrainSettings
from tests.masa_model.conftest import awkward_clips, make_clip, packed

SMALL = NetworkSettings(
    blocks=(6, 6, 8, 8, 8), part=8, encoder_blocks=2, decoder_blocks=1, heads=2, hidden=16
)

MASKING = MaskingSettings(ratio=0.5)


def make_model(network=SMALL, seed=0, **groups):
    torch.manual_seed(seed)
    return MASA(
        network,
        groups.get("motion", MotionSettings()),
        groups.get("alignment", AlignmentSettings(bank_size=7, features=6)),
    )


def given(batch, as_key=None, motion=None):
    """The input of a step, with half of the candidates masked."""
    key = batch if as_key is None else as_key
    return PretrainInput(
        masked_clips(batch, MASKING, motion or MotionSettings(), (0, 0)),
        encoder_input(key, choose_key_frames(key, 0.5, (0, 0))),
        batch.numbers,
    )


def moving_batch(clips=4):
    return prepare_clips(packed([make_clip(12 + 5 * n, n, step=8, missing=0.05) for n in range(clips)]))


def without_dropout(model):
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return model


def changed(batch, frames, seed=1):
    """The same clips with other keypoints in some frames."""
    generator = torch.Generator().manual_seed(seed)
    coordinates = batch.coordinates.clone()
    coordinates[:, :, frames] = torch.randn(coordinates[:, :, frames].shape, generator=generator) * 50
    confidence = batch.confidence.clone()
    confidence[:, frames] = torch.rand(confidence[:, frames].shape, generator=generator)
    present = batch.hand_present.clone()
    present[:, frames] = ~present[:, frames]
    return type(batch)(
        coordinates, confidence, present, batch.clip, batch.position, batch.lengths, batch.numbers
    )


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("mask_set", ["clip", "per_part", "union"])
def test_masked_frames_have_no_influence(training, mask_set):
    model = without_dropout(make_model()).train(training)
    batch = moving_batch()
    masked, _ = masks_of(Motion(batch), MaskingSettings(ratio=0.5, mask_set=mask_set), 3, (0, 0))
    hidden = masked.all(0)
    assert 0 < int(hidden.sum()) < batch.frames
    visible = (~hidden).nonzero()[:, 0]
    encode = model.query.encoder
    before = encode(encoder_input(batch, visible, masked), model.decoder.mask_token)
    after = encode(encoder_input(changed(batch, hidden), visible, masked), model.decoder.mask_token)
    assert torch.equal(before, after)


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_masked_part_of_a_visible_frame_has_no_influence(part):
    model = without_dropout(make_model()).eval()
    batch = moving_batch()
    masked = torch.zeros(3, batch.frames, dtype=torch.bool)
    masked[part, ::2] = True
    rows = [slice(0, 7), slice(7, 28), slice(28, 49)][part]
    coordinates = batch.coordinates.clone()
    coordinates[rows, :, ::2] += 40
    other = type(batch)(
        coordinates,
        batch.confidence,
        batch.hand_present,
        batch.clip,
        batch.position,
        batch.lengths,
        batch.numbers,
    )
    visible = torch.arange(batch.frames)
    before = model.query.encoder(encoder_input(batch, visible, masked), model.decoder.mask_token)
    after = model.query.encoder(encoder_input(other, visible, masked), model.decoder.mask_token)
    assert torch.equal(before, after)
    unmasked = model.query.encoder(encoder_input(other, visible))
    assert not torch.allclose(before, unmasked)


def test_missing_keypoints_and_absent_hands_are_not_coordinates():
    encoder = PoseEncoder(SMALL).eval()
    batch = prepare_clips(packed(list(awkward_clips().values())))
    coordinates = torch.where((batch.confidence == 0)[:, None], torch.randn(()) * 100, batch.coordinates)
    other = type(batch)(
        coordinates,
        batch.confidence,
        batch.hand_present,
        batch.clip,
        batch.position,
        batch.lengths,
        batch.numbers,
    )
    assert torch.equal(encoder.pooled(encoder_input(batch)), encoder.pooled(encoder_input(other)))


def test_a_batch_is_its_clips_one_by_one():
    encoder = PoseEncoder(SMALL).eval()
    clips = list(awkward_clips().values())
    together = encoder.pooled(encoder_input(prepare_clips(packed(clips))))
    alone = torch.cat([encoder.pooled(encoder_input(prepare_clips(packed([clip])))) for clip in clips])
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-6)


def test_left_and_right_hands_share_a_network_and_keep_their_places():
    encoder = PoseEncoder(SMALL).eval()
    batch = moving_batch(1)
    mirrored = type(batch)(
        torch.cat([batch.coordinates[:7], batch.coordinates[28:], batch.coordinates[7:28]]),
        torch.cat([batch.confidence[:7], batch.confidence[28:], batch.confidence[7:28]]),
        batch.hand_present.flip(0),
        batch.clip,
        batch.position,
        batch.lengths,
        batch.numbers,
    )
    tokens = encoder.embedding(encoder_input(batch)).unflatten(1, (3, 8))
    swapped = encoder.embedding(encoder_input(mirrored)).unflatten(1, (3, 8))
    torch.testing.assert_close(tokens[:, [0, 2, 1]], swapped)


def test_gradients_reach_query_decoder_and_heads_alone():
    motion = MotionSettings(interval=(3, 1))
    model = make_model(motion=motion).train()
    step = given(moving_batch(), motion=motion)
    with torch.no_grad():
        losses = model(step, 0.05)
        model.bank.enqueue(losses.keys, step.numbers + 50)
    model(step, 0.05).total.backward()
    without = {name for name, value in model.named_parameters() if value.grad is None or not value.grad.any()}
    # Biases before batch normalization are taken out again by it; the key's bias takes no part in softmax.
    idle = {
        name
        for name in without
        if not name.startswith("key.") and not name.endswith((".bias", ".missing", "absent_hand"))
    }
    assert idle == set()
    assert {name for name, _ in model.key.named_parameters("key")} <= without
    assert not model.bank.keys.requires_grad
    assert set(model.gradient_norms) == {"motion", "alignment"}


def test_the_gradient_norms_are_those_of_each_loss():
    """Of the encoder's output, measured once more by autograd, one loss at a time."""
    model = without_dropout(make_model()).eval()
    batch = moving_batch()
    model.bank.enqueue(nn.functional.normalize(torch.randn(5, 6), dim=1), torch.arange(5) + 900)
    kept = {}
    model.query.encoder.register_forward_hook(lambda module, inputs, output: kept.update(out=output))
    model(given(batch), 0.05).total.backward()
    for name, motion, alignment in (("motion", 1.0, 0.0), ("alignment", 0.0, 0.05)):
        model.motion = MotionSettings(weight=motion)
        total = model(given(batch), alignment).total
        (gradient,) = torch.autograd.grad(total, kept["out"])
        measured = dict(model.gradient_norms)
        torch.testing.assert_close(measured.get(name, gradient.norm()), gradient.norm(), rtol=1e-4, atol=0)


def test_what_is_switched_off_costs_nothing():
    batch = moving_batch()
    only_motion = make_model(alignment=AlignmentSettings(weight=0, bank_size=7, features=6))
    losses = only_motion(given(batch), 0.0)
    assert float(losses.alignment) == 0
    assert losses.keys.shape == (0, 6)
    only_alignment = make_model(motion=MotionSettings(weight=0))
    losses = only_alignment(given(batch), 0.05)
    assert float(losses.motion) == 0
    losses.total.backward()
    assert all(value.grad is None for value in only_alignment.decoder.parameters())


def test_without_alignment_no_key_frames_are_prepared():
    raw = packed([make_clip(12 + 5 * n, n, step=8) for n in range(4)])
    found = {
        weight: pretrain_input(raw, PretrainSettings(size="tiny", alignment={"weight": weight}), 0)
        for weight in (0.0, 0.05)
    }
    assert found[0.0].key is None
    assert found[0.05].key is not None
    moved = found[0.0].to(torch.device("meta"))
    assert moved.key is None
    assert torch.equal(found[0.0].clips.query.rows, found[0.05].clips.query.rows)
    model = make_model(alignment=AlignmentSettings(weight=0, bank_size=7, features=6))
    assert torch.isfinite(model(found[0.0], 0.0).total)


def test_a_batch_without_candidates_adds_0_and_never_nan():
    clips = awkward_clips()
    batch = prepare_clips(packed([clips["stands still"], clips["one frame"], clips["nothing seen"]]))
    model = make_model().train()
    step = given(batch)
    losses = model(step, 0.05)
    assert float(losses.motion) == 0
    assert float(step.clips.clips_without_candidate) == 1
    losses.total.backward()
    assert all(torch.isfinite(value.grad).all() for value in model.parameters() if value.grad is not None)


def test_the_key_branch_follows_and_its_own_batches_do_not_count():
    model = make_model().train()
    norm = model.key.encoder.embedding.body.input_norm
    before, fast = norm.running_mean.clone(), model.query.encoder.embedding.body.input_norm
    losses = model(given(moving_batch()), 0.05)
    assert torch.equal(norm.running_mean, before)
    model.after_step(losses.keys, moving_batch().numbers)
    torch.testing.assert_close(norm.running_mean, 0.996 * before + 0.004 * fast.running_mean)
    assert model.bank.clips[:4].tolist() == moving_batch().numbers.tolist()


@pytest.mark.parametrize("objective", ["motion", "joint"])
def test_targets(objective):
    motion = MotionSettings(objective=objective, interval=(3, 5))
    batch = moving_batch(2)
    wanted = torch.arange(0, batch.frames, 3)
    targets = [(found.values, found.weight) for found in motion_targets(Motion(batch), wanted, motion, 0.4)]
    assert len(targets) == len(make_model(motion=motion).decoder.heads)
    if objective == "joint":
        ((target, weight),) = targets
        torch.testing.assert_close(target, batch.coordinates[:, :, wanted] / 128)
        sure = batch.confidence[:, wanted]
        torch.testing.assert_close(weight, torch.where(sure >= 0.4, sure, 0))
        return
    assert len(targets) == 2
    for k, (target, weight) in zip((3, 5), targets, strict=True):
        for place, i in enumerate(wanted.tolist()):
            if batch.position[i] + k < batch.lengths[batch.clip[i]]:
                torch.testing.assert_close(
                    target[:, :, place], (batch.coordinates[:, :, i + k] - batch.coordinates[:, :, i]) / 32
                )
            else:
                assert not weight[:, place].any()


def test_the_decoder_sees_features_and_mask_tokens_in_order():
    """Eq. 2 and 3: the same sequence put together by hand, one clip at a time."""
    model = without_dropout(make_model()).eval()
    batch = moving_batch(3)
    clips = given(batch).clips
    visible, hidden = clips.visible, torch.zeros(batch.frames, dtype=torch.bool)
    hidden[clips.predicted] = True
    encoded = model.query.encoder(clips.query, model.decoder.mask_token)
    (predicted,) = model.predict(clips)
    rows = {int(frame): encoded[place] for place, frame in enumerate(visible)}
    expected = []
    for clip in range(3):
        frames = (batch.clip == clip).nonzero()[:, 0].tolist()
        tokens = torch.stack([rows.get(frame, model.decoder.mask_token.flatten()) for frame in frames])
        alone = Packing.of(torch.zeros(len(frames), dtype=torch.long), 1)
        decoded = model.decoder.transformer(tokens, torch.arange(len(frames)), alone)
        expected += [
            model.decoder.heads[0](decoded[place]) for place, frame in enumerate(frames) if hidden[frame]
        ]
    torch.testing.assert_close(
        predicted.permute(2, 0, 1).flatten(1), torch.stack(expected), rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize("varied", [False, True])
def test_query_and_key_are_unit_vectors_of_averages_and_the_loss_is_their_sum(varied):
    """Eq. 6, 7 and 9; the key of a clip that was varied, against the query of the clip as it was."""
    model = without_dropout(make_model()).eval()
    batch = moving_batch(3)
    model.bank.enqueue(nn.functional.normalize(torch.randn(5, 6), dim=1), torch.arange(5) + 900)
    clips = given(batch).clips
    visible, encoded = clips.visible, model.query.encoder(clips.query, model.decoder.mask_token)
    kept = choose_key_frames(batch, 0.5, (0, 0))
    as_key = replace(batch, coordinates=batch.coordinates * 1.3) if varied else None
    of_key = model.key.encoder(encoder_input(batch if as_key is None else as_key, kept))

    def projected(head, rows, frames):
        means = torch.stack([rows[batch.clip[frames] == clip].mean(0) for clip in range(3)])
        return nn.functional.normalize(head(means), dim=1)

    query, key = (
        projected(model.query.projection, encoded, visible),
        projected(model.key.projection, of_key, kept),
    )
    losses = model(given(batch, as_key), 0.05)
    torch.testing.assert_close(losses.keys, key)
    assert torch.equal(losses.motion, model(given(batch), 0.05).motion)
    expected = info_nce(contrastive_logits(query, key, model.bank, batch.numbers, 0.07))
    torch.testing.assert_close(losses.alignment, expected.detach())
    torch.testing.assert_close(losses.total.detach(), losses.motion + 0.05 * losses.alignment)
