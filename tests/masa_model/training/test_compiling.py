"""Compiled networks: four graphs whatever the batches, none of them broken, and the same losses."""

import numpy as np
import pytest
import torch
from torch._dynamo.utils import counters

from masa_data import PoseDataset
from masa_model.inputs.masked import pretrain_input
from masa_model.inputs.sources import StreamedClips
from masa_model.settings.pretrain import PretrainSettings
from masa_model.training.compiling import compile_network
from masa_model.training.pretrained import build_model
from tests.masa_model.made_up_signs import NETWORK, signs, write


@pytest.mark.slow
def test_four_graphs_for_batches_of_any_size(tmp_path, provenance):
    clips = StreamedClips(PoseDataset.open(write(tmp_path / "out.h5", provenance, signs(20, 0, 0))))
    settings = PretrainSettings.model_validate(
        {"size": "tiny", "network": {**NETWORK, "decoder_blocks": 1, "graph_dropout": 0}, "precision": "fp32"}
    )
    torch.manual_seed(0)
    usual = build_model(settings, 40)
    torch.manual_seed(0)
    compiled = build_model(settings, 40)
    for model in (usual, compiled):
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0  # compiled code draws other random numbers
    compile_network(compiled)
    torch._dynamo.reset()
    counters.clear()
    numbers = np.random.default_rng(0).permutation(80)
    for step in range(20):
        first = step % 7
        given = pretrain_input(clips.read(numbers[first : first + 5 + step]), settings, step)
        losses = []
        for model in (usual, compiled):
            found = model(given, 0.5)
            model.zero_grad()
            found.total.backward()
            model.after_step(found.keys, given.numbers)
            losses.append(found)
        torch.testing.assert_close(losses[1].total, losses[0].total, rtol=1e-4, atol=1e-5)
    for (name, one), (_, other) in zip(usual.named_parameters(), compiled.named_parameters(), strict=True):
        if one.grad is not None and one.grad.norm() > 1e-4:
            torch.testing.assert_close(other.grad, one.grad, rtol=1e-2, atol=1e-4, msg=name)
    assert counters["stats"]["unique_graphs"] == 4
    assert not counters["graph_break"]
    # In evaluation mode there is no further graph.
    with torch.no_grad():
        compiled.eval()(given, 0.5)
    assert counters["stats"]["unique_graphs"] == 4
