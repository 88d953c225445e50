"""The example notebooks run from start to end, each step in ten lines at most, by public names alone."""

import ast
import json
import re
from pathlib import Path

import masa_data
import masa_model
from demo.footage import write_footage

NOTEBOOKS = sorted((Path(__file__).parents[2] / "docs" / "notebooks").glob("*.ipynb"))


def cells(path):
    book = json.loads(path.read_text(encoding="utf-8"))
    return ["".join(cell["source"]) for cell in book["cells"] if cell["cell_type"] == "code"]


def test_they_run(tmp_path, monkeypatch):
    """In their order, in one folder, on footage that is short and small, for one epoch."""
    write_footage(tmp_path / "videos", takes=3, frames=8, scale=0.6)
    monkeypatch.chdir(tmp_path)
    names = {}
    for path in NOTEBOOKS:
        names[path.stem] = {}
        for source in cells(path):
            shorter = re.sub(r"epochs=\d+", "epochs=1", source)
            exec(compile(shorter, path.name, "exec"), names[path.stem])
    assert len(NOTEBOOKS) == 5
    assert len(names["1_extract_and_look"]["tracks"]) == 12
    assert len(names["2_your_own_model"]["train"].classes) == 4
    assert names["3_pretrain_and_probe"]["run"].finished
    guesses = names["4_recognize_your_signs"]["recognizer"].predict("videos/nod/00.mp4")
    assert {guess.gloss for guess in guesses} == {"across", "circle", "nod", "zoom"}
    again, tracks = (names["5_keypoints_of_others"][name] for name in ("again", "tracks"))
    assert len(again) == len(tracks["nod/00"]) == 8


def test_each_step_has_ten_lines_at_most_and_uses_public_names():
    for path in NOTEBOOKS:
        for source in cells(path):
            lines = [line for line in source.splitlines() if line and not line.startswith(("import", "from"))]
            assert len(lines) <= 10, path.name
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("masa_"):
                    package = {"masa_data": masa_data, "masa_model": masa_model}[node.module]
                    assert {alias.name for alias in node.names} <= set(package.__all__)
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                    package = {"masa_data": masa_data, "masa_model": masa_model}.get(node.value.id)
                    assert package is None or node.attr in package.__all__
