"""What --precision auto takes."""

import pytest
import torch

from masa_model.settings.finetune import FinetuneSettings
from masa_model.settings.pretrain import PretrainSettings
from masa_model.training.precision import autocast, precision_for, settle_precision

CPU = torch.device("cpu")
PRODUCT = torch.ones(4, 4)


@pytest.mark.parametrize("kind", [PretrainSettings, FinetuneSettings])
def test_auto_is_the_default_and_fp32_on_a_cpu(kind):
    settings = kind()
    assert settings.precision == "auto"
    before = torch.get_float32_matmul_precision()
    assert settle_precision(settings, CPU).precision == "fp32"
    assert torch.get_float32_matmul_precision() == before  # the digits of a CPU stay what they are
    asked = settings.model_copy(update={"precision": "bf16"})
    assert settle_precision(asked, CPU).precision == "bf16"


@pytest.mark.parametrize(
    ("precision", "dtype"), [("auto", torch.float32), ("fp32", torch.float32), ("bf16", torch.bfloat16)]
)
def test_products_are_of_the_precision(precision, dtype):
    with autocast(precision, CPU):
        assert (PRODUCT @ PRODUCT).dtype == dtype


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU on this machine")
def test_a_gpu_takes_bf16_where_it_has_it_and_tf32():
    device = torch.device("cuda")
    has_it = torch.cuda.get_device_capability() >= (8, 0)
    assert precision_for("auto", device) == ("bf16" if has_it else "fp32")
    settle_precision(PretrainSettings(), device)
    assert torch.get_float32_matmul_precision() == "high"
    settle_precision(PretrainSettings(precision="fp32"), device)
    assert torch.get_float32_matmul_precision() == "highest"
