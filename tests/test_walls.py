"""Which room may know of which.

A room is a file or a folder directly in a package. It knows only rooms that stand before it in its package's
list; imports within functions count too.
"""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("masa_data", "masa_model", "cli", "demo", "benchmarks")
ROOMS = {
    "masa_data": (
        "version",
        "errors",
        "texts",
        "disk",
        "machine",
        "tracks",
        "classes",
        "shards",
        "video",
        "corpora",
        "estimators",
        "analysis",
        "drawing",
        "extraction",
        "formats",
        "editing",
        "report",
        "doctor",
    ),
    "masa_model": (
        "settings",
        "inputs",
        "network",
        "training",
        "evaluation",
        "pictures",
        "runs",
        "studies",
        "torch_dataset",
    ),
}
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path, *, lazy: bool) -> set[str]:
    """Modules that a file imports when it is loaded, or (lazy) at any time."""
    found = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = {
        node
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if node in inside and not lazy:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = module_name(path).split(".")[: -node.level] if node.level else []
            base = ".".join([*package, node.module or ""]).strip(".")
            found |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return found


def roots(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path, lazy=True)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_walls(path):
    name = module_name(path)
    used = roots(path)
    if not name.startswith("cli"):
        assert not used & {"cli", "masa_cli"}, "cli is imported by nobody"
    if name not in ("masa_data.drawing.rerun_view", "cli.view"):
        assert "rerun" not in used
    if name.startswith("masa_data"):
        assert "masa_model" not in used
        if not name.startswith(("masa_data.estimators.mmpose", "masa_data.doctor")):
            assert not used & {"torch", "mmpose", "mmdet", "mmengine", "mmcv"}
    if name.startswith("masa_model"):
        assert not used & {"mmpose", "mmdet", "mmengine", "mmcv", "mediapipe"}


@pytest.mark.parametrize(
    ("done", "unwanted"),
    [
        ("", ("numpy", "h5py", "pydantic", "rich")),
        ("masa_data.open; masa_data.PoseDataset; masa_data.PoseTrack; masa_data.Drawing", ()),
    ],
)
def test_importing_and_reading_load_neither_torch_nor_an_estimator_nor_a_decoder(done, unwanted):
    unwanted += ("torch", "mmpose", "mediapipe", "click", "rerun", "cv2", "av", "pandas", "pyarrow", "scipy")
    code = (
        f"import sys, masa_data; {done or None}; print([name for name in {unwanted} if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_no_import_runs_in_a_circle():
    modules = {module_name(path) for path in FILES}
    graph = {module_name(path): imports(path, lazy=False) & modules for path in FILES}
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def room_of(name: str) -> tuple[str, str]:
    package, _, rest = name.partition(".")
    return package, rest.partition(".")[0]


@pytest.mark.parametrize("package", ROOMS)
def test_rooms_stand_in_one_stack(package):
    order = ROOMS[package]
    there = {room_of(module_name(path))[1] for path in (ROOT / package).rglob("*.py")} - {""}
    assert there == set(order)
    for path in sorted((ROOT / package).rglob("*.py")):
        room = room_of(module_name(path))[1]
        if room:
            known = {
                other
                for name in imports(path, lazy=True)
                for kind, other in [room_of(name)]
                if kind == package
            }
            above = (known & set(order)) - set(order[: order.index(room) + 1])
            assert not above, f"{path.relative_to(ROOT)} knows {', '.join(above)}, which stand above {room}"
