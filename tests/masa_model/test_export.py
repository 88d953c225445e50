import importlib.util

import numpy as np
import pytest
import torch

from masa_data import DataError
from masa_model.evaluation.export import PaddedRecognizer, export, packed_probabilities
from masa_model.inputs.labeled import open_finetune_data
from masa_model.settings.finetune import FinetuneSettings
from masa_model.training.finetune import finetune
from masa_model.training.recognizer import Recognizer
from masa_model.training.run_folder import RunFolder
from tests.conftest import make_track
from tests.masa_model.made_up_signs import NETWORK, make_sign, signs, write

CPU = torch.device("cpu")


def trained(tmp_path, provenance, **values: object) -> Recognizer:
    settings = FinetuneSettings.model_validate(
        {"network": NETWORK, "epochs": 10, "batch_size": 8, "optimizer": {"learning_rate": 0.1}, **values}
    )
    data = open_finetune_data([write(tmp_path / "a.h5", provenance, signs())], settings.data)
    folder = RunFolder.create("finetune", tmp_path / "run")
    for _ in finetune(settings, data, folder, CPU):
        pass
    return Recognizer.load(folder.path, CPU)


@pytest.mark.parametrize(
    "values",
    [
        {"sampling": {"frames": 8}},
        {"sampling": {"frames": 8, "how": "stride"}},
        {"recipe": "tuned", "sampling": {"frames": 8}, "head": {"pooling": "softmax"}},
        {"inputs": {"max_frames": 20}},
    ],
)
def test_padded_and_packed_say_the_same(tmp_path, provenance, values):
    recognizer = trained(tmp_path, provenance, **values)
    padded = PaddedRecognizer(recognizer).eval()
    seen = []
    for track in [make_sign("a", 0), make_sign("b", 3, 70), make_track("c", 45), make_track("d", 3)]:
        clip = (
            torch.from_numpy(np.nan_to_num(track.keypoints, nan=-1e3)),
            torch.from_numpy(track.confidence),
            torch.tensor([track.info.width, track.info.height], dtype=torch.float32),
        )
        with torch.no_grad():
            found = padded(*clip).numpy()
        np.testing.assert_allclose(found, packed_probabilities(recognizer, *clip), atol=1e-5)
        by_gloss = {guess.gloss: guess.probability for guess in recognizer.predict(track)}
        expected = [by_gloss[gloss] for gloss in recognizer.classes.glosses]
        np.testing.assert_allclose(found, expected, atol=5e-3)  # of the file's rounding
        seen.append(found)
    assert np.ptp(seen, axis=0).max() > 0.05  # it does tell clips apart


@pytest.mark.parametrize("name", ["model.pt2", "model.onnx"])
# The exporter's own: torch copies modules whose names it deprecates.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_a_file_says_what_the_recognizer_says(tmp_path, provenance, name):
    if name.endswith("onnx") and not all(
        map(importlib.util.find_spec, ("onnx", "onnxruntime", "onnxscript"))
    ):
        pytest.skip("onnx, onnxruntime or onnxscript is absent: pip install 'masa-slr[onnx]'")
    recognizer = trained(tmp_path, provenance)
    assert export(recognizer, tmp_path / name) < 1e-5
    assert (tmp_path / name).stat().st_size > 1000


def test_what_cannot_be_exported_is_said(tmp_path, provenance):
    recognizer = trained(tmp_path, provenance, epochs=1, inputs={"crop_reference": "clip"})
    with pytest.raises(DataError, match="crop_reference = clip cannot be exported"):
        export(recognizer, tmp_path / "model.pt2")
    with pytest.raises(DataError, match=r"model\.bin"):
        export(recognizer, tmp_path / "model.bin")
