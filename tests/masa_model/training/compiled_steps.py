"""Steps of a compiled network beside the usual one, for test_compiling.py.

It is a process of its own: tests check the shapes of arrays in every call, which torch.compile cannot read.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from torch._dynamo.utils import counters

from masa_data import PoseDataset
from masa_model.inputs.masked import pretrain_input
from masa_model.inputs.sources import StreamedClips
from masa_model.settings.pretrain import PretrainSettings
from masa_model.training.compiling import compile_network
from masa_model.training.pretrained import build_model
from tests.masa_model.made_up_signs import NETWORK

STEPS = 20


def without_dropout(seed: int, settings: PretrainSettings) -> torch.nn.Module:
    torch.manual_seed(seed)
    model = build_model(settings, 40)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0  # compiled code draws other random numbers
    return model


def main(path: Path) -> None:
    clips = StreamedClips(PoseDataset.open(path))
    settings = PretrainSettings.model_validate(
        {"size": "tiny", "network": {**NETWORK, "decoder_blocks": 1, "graph_dropout": 0}, "precision": "fp32"}
    )
    usual, compiled = without_dropout(0, settings), without_dropout(0, settings)
    compile_network(compiled)
    numbers = np.random.default_rng(0).permutation(80)
    losses, graphs = [], []
    for step in range(STEPS):
        first = step % 7
        given = pretrain_input(clips.read(numbers[first : first + 5 + step]), settings, step)
        both = []
        for model in (usual, compiled):
            found = model(given, 0.5)
            model.zero_grad()
            found.total.backward()
            model.after_step(found.keys, given.numbers)
            both.append(found.total.item())
        losses.append(both)
        graphs.append(counters["stats"]["unique_graphs"])
    gradients = [
        (one.grad.norm().item(), (one.grad - other.grad).norm().item())
        for one, other in zip(usual.parameters(), compiled.parameters(), strict=True)
        if one.grad is not None
    ]
    with torch.no_grad():
        compiled.eval()(given, 0.5)
    graphs.append(counters["stats"]["unique_graphs"])
    breaks = len(counters["graph_break"])
    print(json.dumps({"losses": losses, "graphs": graphs, "breaks": breaks, "gradients": gradients}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
