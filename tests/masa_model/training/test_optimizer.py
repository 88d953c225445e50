"""What weight decay draws to zero."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from masa_model.settings.finetune import FinetuneSettings
from masa_model.settings.pretrain import PretrainSettings
from masa_model.training import optimizer as optimizers
from masa_model.training.optimizer import make_optimizer, parameter_groups
from masa_model.training.pretrained import build_model
from masa_model.training.recipe import learning_parameters
from masa_model.training.recognizer import build_network

TINY = {"size": "tiny"}


def decayed(optimizer_groups, model):
    """Names of the parameters that decay, and of those that do not."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    found = ({names[id(each)] for each in group["params"]} for group in optimizer_groups)
    sets = list(zip((group["weight_decay"] for group in optimizer_groups), found, strict=True))
    return (set().union(*(s for w, s in sets if w > 0)), set().union(*(s for w, s in sets if w == 0)))


def test_matrices_decay_and_biases_norms_and_tokens_do_not():
    model = build_model(PretrainSettings.model_validate(TINY), 20)
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = parameter_groups(model, parameters, 0.1, "matrices")
    yes, no = decayed(groups, model)
    assert len(yes) + len(no) == len(parameters)
    # By shape and name, which is another way to tell them.
    tokens = {name for name, _ in model.named_parameters() if name.endswith(("mask_token", "missing"))}
    assert len(tokens) == 5  # of the decoder; of body and hands, in query and key
    shapes = dict(model.named_parameters())
    assert yes == {n for n in yes | no if shapes[n].ndim == 2 and n not in tokens}
    assert {"decoder.mask_token", "query.encoder.embedding.absent_hand"} <= no
    (everything,) = parameter_groups(model, parameters, 0.1, "all")
    assert [id(each) for each in everything["params"]] == [id(each) for each in parameters]


@pytest.mark.parametrize("recipe", ["paper", "tuned"])
@pytest.mark.parametrize("freeze", [False, True])
def test_fine_tuning_has_one_rule_for_body_and_head(recipe, freeze):
    settings = FinetuneSettings.model_validate(
        {**TINY, "recipe": recipe, "freeze": freeze, "optimizer": {"weight_decay": 0.1, "decay": "matrices"}}
    )
    model = build_network(settings, 5)
    groups = make_optimizer(settings.optimizer, model, learning_parameters(settings, model)).param_groups
    yes, no = decayed(groups, model)
    learning = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert yes | no == learning
    assert not yes & no
    assert any(name.startswith("head") and name.endswith("weight") for name in yes)
    assert all("bias" not in name and "norm" not in name for name in yes)
    highest = {group["highest"] for group in groups}
    assert highest == {settings.optimizer.learning_rate * settings.optimizer.head_factor}


def test_a_step_without_gradients_shrinks_matrices_alone():
    """AdamW multiplies what decays by 1 − lr · decay; nothing else moves where the gradient is 0."""
    model = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = torch.optim.AdamW(parameter_groups(model, model.parameters(), 0.5, "matrices"), lr=0.1)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    for name, value in model.state_dict().items():
        factor = 1 - 0.1 * 0.5 if name == "0.weight" else 1
        torch.testing.assert_close(value, factor * before[name])


@pytest.mark.parametrize("kind", ["AdamW", "SGD"])
def test_steps_are_those_of_torch(kind):
    """Ours lack torch's wrappers; what a step computes is the same."""
    found = []
    more = {"momentum": 0.9} if kind == "SGD" else {}
    for made in (getattr(optimizers, kind), getattr(torch.optim, kind)):
        torch.manual_seed(0)
        layer = nn.Linear(5, 3)
        optimizer = made(layer.parameters(), lr=0.1, weight_decay=0.01, fused=True, **more)
        for _ in range(4):
            layer(torch.rand(4, 5)).square().sum().backward()
            optimizer.step()
            optimizer.zero_grad()
            assert layer.weight.grad is None
            optimizer.load_state_dict(optimizer.state_dict())
        assert optimizer.state[layer.weight]
        found.append(layer.weight.detach())
    assert torch.equal(*found)


START = """
import sys, torch
import masa_model.runs.finetuning, masa_model.runs.pretraining
from masa_model.training import optimizer
for kind in (optimizer.AdamW, optimizer.SGD):
    layer = torch.nn.Linear(2, 2)
    made = kind(layer.parameters(), lr=0.1, fused=True)
    layer(torch.ones(2)).sum().backward()
    made.step()
    made.zero_grad()
unwanted = ("torch._dynamo", "sklearn", "scipy", "torchmetrics", "pandas")
print([name for name in unwanted if name in sys.modules])
"""


def test_the_start_of_training_does_not_wait_for_what_it_does_not_use():
    ran = subprocess.run([sys.executable, "-c", START], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
