"""Run folders and checkpoints that were changed: one line that says so, or what was there before."""

from __future__ import annotations

import copy
import json
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
import safetensors
import safetensors.torch
import tomli_w
import torch

from masa_data.errors import DataError
from masa_data.tracks.provenance import EstimatorIdentity, Provenance
from masa_model.inputs.labeled import open_finetune_data
from masa_model.settings.finetune import FinetuneSettings
from masa_model.settings.pretrain import PretrainSettings
from masa_model.settings.resolve import resolve_settings, tomllib
from masa_model.training.checkpoint import load_checkpoint
from masa_model.training.checkpoint_checks import crc32_of, crc32_of_text
from masa_model.training.data import open_training_data
from masa_model.training.finetune import finetune
from masa_model.training.pretrain import pretrain
from masa_model.training.pretrained import load_pretrained, with_pretrained
from masa_model.training.recognizer import Recognizer
from masa_model.training.run_folder import RunFolder
from tests.masa_model.made_up_signs import signs, write
from tests.masa_model.test_finetune import settings_with
from tests.masa_model.test_pretrain import ALONE, settings_of

CPU = torch.device("cpu")
KINDS = ("pretrain", "finetune")
ODD = (
    *(
        None,
        True,
        -1,
        0,
        10**30,
        1e308,
        float("nan"),
        float("inf"),
        "",
        "x" * 3000,
        "\x1b[31m\nred",
        "a\x00b",
    ),
    *([], {}, [[]], [None], {"a": {"b": 1}}, ["x", 1, {}], -0.5, "none"),
)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A finished run of each kind."""
    torch.set_num_threads(1)
    place = tmp_path_factory.mktemp("runs")
    identity = EstimatorIdentity(
        name="e", version="1", settings={}, weights_sha256="0" * 64, confidence="none"
    )
    file = write(place / "signs.h5", Provenance(estimator=identity, tool_version="0"), signs(3, 1, 0))
    found = {}
    for kind in KINDS:
        folder = RunFolder.create(kind, place / kind)
        if kind == "pretrain":
            settings = settings_of(epochs=1, precision="fp32")
            data = open_training_data([file], settings.data.splits)
            steps = pretrain(settings, data, folder, ALONE)
        else:
            settings = settings_with(epochs=1, precision="fp32")
            data = open_finetune_data([file], settings.data, settings.seed)
            steps = finetune(settings, data, folder, CPU)
        folder.begin(settings, data.record())
        list(steps)
        found[kind] = folder
    return found


def copied(folder: RunFolder, place: Path) -> RunFolder:
    shutil.rmtree(place, ignore_errors=True)
    return RunFolder(Path(shutil.copytree(folder.path, place)))


def go_on(kind: str, folder: RunFolder) -> None:
    """As `--resume` does; a run that is finished stays as it is."""
    if kind == "pretrain":
        settings = folder.read_settings(PretrainSettings)
        data = open_training_data(folder.files(), settings.data.splits, settings.data.ratio, settings.seed)
    else:
        settings = folder.read_settings(FinetuneSettings)
        data = open_finetune_data(folder.files(), settings.data, settings.seed)
    if folder.read_data().fingerprints != data.record()["fingerprints"]:
        raise DataError("other files", "as the commands say")
    if settings.epochs != 1:
        return  # made longer, which is allowed
    if kind == "pretrain":
        list(pretrain(settings, data, folder, ALONE, stop=lambda: True))
    else:
        list(finetune(settings, data, folder, CPU, stop=lambda: True))


def said_in_one_line(error: DataError) -> None:
    assert "\n" not in str(error), error
    assert len(str(error)) < 1500, error


def with_odd_value(values: object, chance: random.Random) -> object:
    """The same, with something else in one place."""
    values = copy.deepcopy(values)
    node = values
    while isinstance(node, dict | list) and node:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        key = chance.choice(keys)
        child = node[key]
        if not isinstance(child, dict | list) or not child or chance.random() < 0.3:
            how = chance.randrange(4)
            if how == 0:
                del node[key]
            elif how == 1 and isinstance(node, dict):
                node[chance.choice(["new", "\n", "steps", ""])] = node.pop(key)
            else:
                node[key] = chance.choice(ODD)
            break
        node = child
    return values


def with_changed_bytes(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        where = chance.randrange(len(changed))
        how = chance.randrange(4)
        if how == 0:
            changed[where] ^= 1 << chance.randrange(8)
        elif how == 1:
            changed[where : where + chance.randint(1, 9)] = b""
        elif how == 2:
            changed[where:where] = chance.choice(
                [b"\x00", b"\n", b'"', b"[" * 3000, b"\xff\xfe", b"9" * 5000]
            )
        else:
            del changed[where:]
        if not changed:
            break
    return bytes(changed)


def toml_of(values: object) -> str | None:
    try:
        return tomli_w.dumps(values)
    except (TypeError, ValueError, AttributeError):
        return None  # TOML has no such value


def change_text_files(kind: str, runs: dict[str, RunFolder], tmp_path: Path, count: int, seed: int) -> int:
    """How many of so many changed folders are refused; the others are as they were."""
    chance = random.Random(seed)
    refused = 0
    last = runs[kind].last.read_bytes()
    lines = runs[kind].read_metrics()
    for number in range(count):
        folder = copied(runs[kind], tmp_path / "run")
        name = ("data.json", "settings.toml", "metrics.jsonl")[number % 3]
        path = folder.path / name
        if chance.random() < 0.5:
            path.write_bytes(with_changed_bytes(path.read_bytes(), chance))
        elif name == "settings.toml":
            text = toml_of(with_odd_value(tomllib.loads(path.read_text()), chance))
            if text is None:
                continue
            path.write_text(text, errors="replace")
        else:
            path.write_text(json.dumps(with_odd_value(json.loads(path.read_text()), chance)) + "\n")
        try:
            go_on(kind, folder)
        except DataError as error:
            said_in_one_line(error)
            refused += 1
        else:
            assert folder.last.read_bytes() == last
            if name != "metrics.jsonl":  # whose numbers are for people
                assert folder.read_metrics() == lines
    return refused


def change_checkpoints(kind: str, runs: dict[str, RunFolder], tmp_path: Path, count: int, seed: int) -> int:
    """How many of so many damaged checkpoints are refused; the others are as they were."""
    chance = random.Random(seed)
    original = load_checkpoint(runs[kind].last)
    data = runs[kind].last.read_bytes()
    header = 8 + int.from_bytes(data[:8], "little")
    path = tmp_path / "changed.safetensors"
    refused = 0
    for number in range(count):
        front, rest = (data[:header], data[header:])
        if number % 2:
            path.write_bytes(with_changed_bytes(front, chance) + rest)
        else:
            path.write_bytes(front + with_changed_bytes(rest, chance))
        try:
            found = load_checkpoint(path)
        except DataError as error:
            said_in_one_line(error)
            refused += 1
        else:
            assert found.header == original.header
            for mine, theirs in zip(
                (found.model, found.optimizer, found.progress),
                (original.model, original.optimizer, original.progress),
                strict=True,
            ):
                assert mine.keys() == theirs.keys()
                assert all(value.equal(theirs[name]) for name, value in mine.items())
    return refused


def rewrite(path: Path, out: Path, header=lambda values: values, tensors=lambda values: values) -> Path:
    """A checkpoint as somebody writes it who knows the format."""
    with safetensors.safe_open(path, "pt") as file:
        before = json.loads(file.metadata()["masa"])
        del before["crc32"]
        text = json.dumps(header(before))
        values = tensors({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
    checksums = f',"crc32":"{crc32_of_text(text):08x} {crc32_of(values):08x}"}}'
    out.write_bytes(safetensors.torch.save(values, {"masa": text[:-1] + checksums}))
    return out


def use(kind: str, path: Path) -> None:
    if kind == "pretrain":
        load_pretrained(path)
        with_pretrained(FinetuneSettings(), path)
    else:
        Recognizer.load(path, CPU)


def write_odd_headers(kind: str, runs: dict[str, RunFolder], tmp_path: Path, count: int, seed: int) -> int:
    chance = random.Random(seed)
    refused = 0
    for _ in range(count):
        path = rewrite(
            runs[kind].last, tmp_path / "odd.safetensors", lambda values: with_odd_value(values, chance)
        )
        try:
            use(kind, path)
        except DataError as error:
            said_in_one_line(error)
            refused += 1
    return refused


@pytest.mark.parametrize("kind", KINDS)
def test_changed_folders_and_checkpoints(kind, runs, tmp_path):
    assert change_text_files(kind, runs, tmp_path, 45, 1) > 20
    assert change_checkpoints(kind, runs, tmp_path, 60, 2) > 55
    assert write_odd_headers(kind, runs, tmp_path, 40, 3) > 15


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(10, 15))
def test_many_changed_folders_and_checkpoints(kind, runs, tmp_path, seed):
    assert change_text_files(kind, runs, tmp_path, 200, seed) > 80
    assert change_checkpoints(kind, runs, tmp_path, 200, seed) > 180
    assert write_odd_headers(kind, runs, tmp_path, 100, seed) > 30


def first_weight(values, change):
    name = next(name for name in values if name.endswith("widen.weight"))
    return values | {name: change(values[name].clone())}


def nan_in(value):
    value[0, 0] = torch.nan
    return value


def negative_variance(values):
    name = next(name for name in values if name.startswith("model.") and name.endswith("running_var"))
    return values | {name: values[name] - 1e6}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        (lambda values: first_weight(values, nan_in), "contains NaN, infinite or impossible values"),
        (
            lambda values: first_weight(values, lambda value: value / 0),
            "contains NaN, infinite or impossible",
        ),
        (lambda values: first_weight(values, torch.Tensor.double), "of float64, expected"),
        (lambda values: first_weight(values, torch.Tensor.bfloat16), "of bfloat16, expected"),
        (negative_variance, "contains NaN, infinite or impossible values"),
        (lambda values: {k: v for k, v in values.items() if "widen" not in k}, "contains another network"),
        (
            lambda values: {k: v for k, v in values.items() if not k.startswith("model.")},
            "it contains 0 weights",
        ),
    ],
)
def test_weights_that_no_training_leaves_are_refused(kind, tensors, said, runs, tmp_path):
    path = rewrite(runs[kind].last, tmp_path / "a.safetensors", tensors=tensors)
    with pytest.raises(DataError, match=said) as caught:
        use(kind, path)
    said_in_one_line(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"labels": ["one"]}, "1 label for 4 classes"),
        ({"classes": [["made-up", 0]] * 4}, "a class is listed twice"),
        ({"labels": ["a", "b"], "classes": [["x", 0], ["x", 1]]}, "contains another network"),
        ({"temperature": 0}, "temperature: Input should be greater than 0"),
        ({"step": 99}, "99 of"),
        ({"step": -1}, "step: Input should be"),
        ({"settings": {"size": []}}, "cannot be read"),
        ({"settings": {"recipe": {}}}, "cannot be read"),
        ({"settings": {"network": {"encoder_blocks": 100_000}}}, "encoder_blocks is 100000"),
        ({"settings": {"network": {"encoder_blocks": 100}}}, "about .* weights, expected"),
        ({"settings": {}}, r"it contains [\d,]+ weights, its settings require at least [\d,]+"),
    ],
)
def test_headers_that_do_not_fit_are_refused(change, said, runs, tmp_path):
    path = rewrite(runs["finetune"].last, tmp_path / "a.safetensors", lambda values: values | change)
    with pytest.raises(DataError, match=said) as caught:
        use("finetune", path)
    said_in_one_line(caught.value)


def test_a_bank_without_width_takes_no_memory(runs, tmp_path):
    path = rewrite(
        runs["pretrain"].last,
        tmp_path / "a.safetensors",
        tensors=lambda values: values | {"model.bank.keys": torch.empty(10**12, 0)},
    )
    with pytest.raises(DataError, match="its memory bank is missing or of another width"):
        use("pretrain", path)


@pytest.mark.parametrize(
    "assignment",
    [
        "network.encoder_blocks=100000",
        "network.decoder_blocks=129",
        "network.part=16384",
        "network.hidden=10000000",
        "network.blocks=[1,1,1,16384,16384]",
        "epochs=10000000",
        "batch_size=10000000",
        "alignment.bank_size=100000000",
        "alignment.features=1000000",
        "inputs.max_frames=1000000000",
        "seed=9223372036854775808",
    ],
)
def test_settings_beyond_measure_are_refused(assignment):
    with pytest.raises(DataError) as caught:
        resolve_settings(PretrainSettings, assignments=[assignment])
    said_in_one_line(caught.value)


def test_the_weights_counted_are_nearly_all_of_them():
    from masa_model.network.encoder import PoseEncoder

    for size in ("tiny", "small"):
        network = PretrainSettings.model_validate({"size": size}).network
        there = sum(parameter.numel() for parameter in PoseEncoder(network).parameters())
        assert 0.9 * there < network.encoder_weights < there


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("data.json", "[]", "is not a valid record"),
        ("data.json", '{"files": "a.h5", "fingerprints": []}', "is not a valid record"),
        ("data.json", '{"files": ["a"], "fingerprints": []}', "lists 1 file and 0 fingerprints"),
        ("data.json", "[" * 100_000, "missing or damaged"),
        ("settings.toml", "", "lacks batch_size, data, epochs"),
        ("settings.toml", 'epochs = "many"', "settings.toml: the setting epochs is 'many'"),
        ("settings.toml", "size = []", "settings.toml"),
        ("metrics.jsonl", "[]\n", "line 1 of .*metrics.jsonl is not a valid record"),
        ("metrics.jsonl", '{"epoch": 0}\n{"loss": 1}\n', "line 2 of"),
        ("metrics.jsonl", '{"epoch": "0"}\n', "line 1 of"),
        ("metrics.jsonl", "\x00\x00\n", "line 1 of"),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_texts_that_no_run_writes_are_refused(kind, name, text, said, runs, tmp_path):
    folder = copied(runs[kind], tmp_path / "run")
    (folder.path / name).write_text(text)
    with pytest.raises(DataError, match=said) as caught:
        go_on(kind, folder)
    said_in_one_line(caught.value)


def test_a_checkpoint_of_an_earlier_version_is_read(runs, tmp_path):
    """Without checksums, as versions 1 and 2 were; who takes them away from version 3 is found out."""
    with safetensors.safe_open(runs["finetune"].last, "pt") as file:
        values = json.loads(file.metadata()["masa"])
        del values["crc32"]
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    path = tmp_path / "old.safetensors"
    path.write_bytes(safetensors.torch.save(tensors, {"masa": json.dumps(values | {"version": 2})}))
    old, new = (Recognizer.load(each, CPU).model.state_dict() for each in (path, runs["finetune"].last))
    assert all(np.array_equal(old[name], new[name]) for name in new)
    path.write_bytes(safetensors.torch.save(tensors, {"masa": json.dumps(values)}))
    with pytest.raises(DataError, match="its checksum differs"):
        load_checkpoint(path)
