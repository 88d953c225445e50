"""Activations that are computed again instead of kept change nothing but memory."""

import torch

from masa_data import PoseDataset
from masa_model.inputs.masked import pretrain_input
from masa_model.inputs.sources import StreamedClips, epoch_batches
from masa_model.settings.pretrain import PretrainSettings
from masa_model.training.checkpoint import load_checkpoint
from masa_model.training.data import TrainingData
from masa_model.training.pretrain import pretrain
from masa_model.training.pretrained import build_model
from masa_model.training.processes import Processes
from masa_model.training.recomputing import recompute_activations
from masa_model.training.run_folder import RunFolder
from tests.masa_model.made_up_signs import NETWORK, signs, write

ALONE = Processes(0, 1, torch.device("cpu"))


def settings_of(**more):
    network = NETWORK | {"decoder_blocks": 1, "graph_dropout": 0.2}
    return PretrainSettings.model_validate(
        {"size": "tiny", "network": network, "epochs": 2, "batch_size": 8, **more}
    )


def test_a_run_has_the_same_weights_and_statistics_to_the_bit(tmp_path, provenance):
    clips = PoseDataset.open(write(tmp_path / "out.h5", provenance, signs(train=6, val=0, test=0)))

    folders = {name: RunFolder.create("pretrain", tmp_path / name) for name in ("usual", "other", "changed")}

    def run(name, recompute, stop=lambda: False):
        settings = settings_of(recompute=recompute)
        for _ in pretrain(settings, TrainingData(clips, {}), folders[name], ALONE, stop=stop):
            pass
        return load_checkpoint(folders[name].last)

    usual = run("usual", False)
    steps = iter(range(9))
    assert run("changed", False, lambda: next(steps) == 3).header.step == 4
    for found in (run("other", True), run("changed", True)):  # a run that did not fit may be resumed with it
        assert found.header.step == 6
        for name, tensor in (usual.model | usual.progress).items():
            assert torch.equal(tensor, (found.model | found.progress)[name]), name


def test_only_the_inputs_of_blocks_are_kept(tmp_path, provenance):
    clips = PoseDataset.open(write(tmp_path / "out.h5", provenance, signs(train=6, val=0, test=0)))
    settings = settings_of()
    given = pretrain_input(StreamedClips(clips).read(epoch_batches(len(clips), 8, 0, 0)[0]), settings, 0)

    def kept(model):
        tensors = {}

        def keep(tensor):
            tensors[tensor.untyped_storage().data_ptr()] = tensor
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            model(given, 0.05).total.backward()
        weights = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
        return sum(
            tensor.untyped_storage().nbytes() for place, tensor in tensors.items() if place not in weights
        )

    usual, recomputing = build_model(settings, len(clips)).train(), build_model(settings, len(clips)).train()
    recompute_activations(recomputing)
    torch.manual_seed(0)
    everything = kept(usual)
    torch.manual_seed(0)
    assert kept(recomputing) < 0.4 * everything
    for (name, mine), other in zip(usual.named_parameters(), recomputing.parameters(), strict=True):
        if mine.grad is not None:
            assert torch.equal(mine.grad, other.grad), name
