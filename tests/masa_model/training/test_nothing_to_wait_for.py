"""A step asks the device nothing: the training loops run on the device "meta", whose tensors have no values.

Of such a tensor nothing can be read: what would make a host wait for its GPU (a number read back, a shape
that depends on values) is an error there. So is an operation on tensors of two devices.
"""

from collections import Counter

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from masa_data import PoseDataset
from masa_model.inputs.labeled import open_finetune_data
from masa_model.settings.finetune import FinetuneSettings
from masa_model.settings.pretrain import PretrainSettings
from masa_model.training import finetune as finetuning
from masa_model.training import optimizer as optimizers
from masa_model.training import pretrain as pretraining
from masa_model.training.data import TrainingData
from masa_model.training.processes import Processes
from masa_model.training.run_folder import RunFolder
from tests.masa_model.made_up_signs import NETWORK, signs, write

META = torch.device("meta")
# Operations that only describe memory.
DESCRIBING = (
    "view", "t", "detach", "expand", "_unsafe_view", "slice", "select", "permute", "transpose", "unsqueeze",
    "split", "unbind", "alias", "split_with_sizes", "empty", "empty_like",
)  # fmt: skip
STEPS = 4


@pytest.fixture(autouse=True)
def no_fused_optimizer(monkeypatch):
    """A fused optimizer exists only for devices that compute; the usual one reads its steps on the host."""
    for kind in ("AdamW", "SGD"):
        usual = getattr(optimizers, kind)
        monkeypatch.setattr(
            optimizers,
            kind,
            lambda groups, *, fused, usual=usual, **kw: usual(groups, foreach=True, **kw),
        )


class OneDevice(TorchDispatchMode):
    """Counts operations, and refuses those on tensors of two devices, which not all of torch's do."""

    def __init__(self):
        super().__init__()
        self.operations = Counter()

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        self.operations[str(operation.overloadpacket).removeprefix("aten.")] += 1
        tensors = [value for value in tree_leaves((args, kwargs)) if isinstance(value, torch.Tensor)]
        devices = {tensor.device for tensor in tensors if tensor.dim()}
        if len(devices) > 1:
            raise RuntimeError(f"{operation} has tensors of {devices}")
        return operation(*args, **(kwargs or {}))


def ask_nothing(loop):
    """Make some steps of a loop, and return the operations of the last one."""
    for _ in range(STEPS):
        with OneDevice() as seen:
            next(loop)
    loop.close()
    return seen.operations


def pretraining_step(folder, provenance, **settings):
    clips = PoseDataset.open(write(folder / "out.h5", provenance, signs(train=10, val=0, test=0)))
    values = {"size": "tiny", "batch_size": 8, "precision": "fp32", "data": {"storage": "stream"}, **settings}
    return ask_nothing(
        pretraining.pretrain(
            PretrainSettings.model_validate(values),
            TrainingData(clips, {}),
            RunFolder.create("pretrain", folder / "run"),
            Processes(0, 1, META),
        )
    )


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"inputs": {"noise": 2.0}, "optimizer": {"clip_gradients": 1.0}},
        {
            "motion": {"interval": (3, 5)},
            "masking": {"mask_set": "per_part"},
            "inputs": {"crop_reference": "clip"},
        },
        {"motion": {"objective": "joint"}, "alignment": {"weight": 0.0}},
    ],
)
def test_a_step_of_pretraining_asks_nothing(tmp_path, provenance, settings):
    pretraining_step(tmp_path, provenance, **settings)


def test_a_base_step_launches_few_operations(tmp_path, provenance):
    """With dropout as three operations, as a CPU computes it. Before batches were prepared: 1,900, 3,300."""
    found = pretraining_step(tmp_path, provenance, size="base", batch_size=2)
    del found["_local_scalar_dense"]  # of the optimizer that is not fused
    launching = sum(count for name, count in found.items() if name not in DESCRIBING)
    assert launching < 1_300
    assert sum(found.values()) < 2_500
    assert found["lerp_"] == 0  # the key branch follows in one operation


@pytest.mark.parametrize("recipe", ["paper", "tuned"])
@pytest.mark.parametrize("pooling", ["average", "softmax"])
def test_a_step_of_fine_tuning_asks_nothing(tmp_path, provenance, recipe, pooling):
    file = write(tmp_path / "out.h5", provenance, signs(train=10, val=1, test=0))
    settings = FinetuneSettings.model_validate(
        {
            "recipe": recipe,
            "network": NETWORK,
            "batch_size": 8,
            "precision": "fp32",
            "head": {"pooling": pooling},
            "data": {"storage": "stream"},
        }
    )
    data = open_finetune_data([file], settings.data)
    ask_nothing(finetuning.finetune(settings, data, RunFolder.create("finetune", tmp_path / "run"), META))


@pytest.mark.parametrize(
    "ask",
    [
        lambda x: x.nonzero(),
        lambda x: x[x > 0],
        lambda x: x.item(),
        lambda x: x.tolist(),
        lambda x: bool(x > 0),
        lambda x: x.cpu(),
        lambda x: x.long().bincount(),
        lambda x: torch.arange(1, device=META).repeat_interleave(x.long()),
        lambda x: x + torch.ones(1),
        lambda x: torch.ones(3, 3).index_select(0, x.long()),
    ],
)
def test_asking_would_be_seen(ask):
    with OneDevice(), pytest.raises((RuntimeError, NotImplementedError)):
        ask(torch.ones(1, device=META))
