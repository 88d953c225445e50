"""What another pre-training run changes: the second table of docs/reproduction.md.

`python -m benchmarks.few_shot_runs runs/few-shot.json runs/few-shot-1.json runs/few-shot-2.json` puts side by
side what benchmarks.few_shot measured with several pre-training runs.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from benchmarks.few_shot import measured

RECIPES = ("paper", "tuned")


def table_of_runs(runs: list[dict[str, float]]) -> str:
    """Mean top-1 in percent over the seeds of fine-tuning that all runs have, from scratch and by each run.

    Args:
        runs: accuracies by cell name; from scratch they are taken from the first.
    """
    starts = ["scratch", *(f"run {number}" for number in range(len(runs)))]
    head = [f"{start}, {recipe}" for recipe in RECIPES for start in starts]
    lines = ["| | " + " | ".join(head) + " |", "|---" * (len(head) + 1) + "|"]
    for row in dict.fromkeys(name.split(" / ")[0] for name in runs[0]):
        cells: list[str] = []
        for recipe in RECIPES:
            columns = [measured(row, f"scratch, {recipe}", runs[0])]
            columns += [measured(row, f"pre-trained, {recipe}", run) for run in runs]
            seeds = min(map(len, columns))
            cells += [f"{np.mean(values[:seeds]):.1f}" if seeds else "–" for values in columns]
        lines.append(f"| {row} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("caches", type=Path, nargs="+")
    print(table_of_runs([json.loads(path.read_text()) for path in parser.parse_args().caches]))


if __name__ == "__main__":
    main()
