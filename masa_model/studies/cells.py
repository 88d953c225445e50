"""The cells of a study: what has to be measured, and the file of what was measured."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from masa_data.disk.new_files import append_line, write_whole
from masa_data.errors import DataError
from masa_model.settings.types import Share
from masa_model.studies.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Cell:
    """One measurement.

    Attributes:
        row: name of the row.
        column: name of the column.
        seed: number of the measurement.
        fold: number of the fold.
    """

    row: str
    column: str
    seed: int
    fold: int

    def __str__(self) -> str:
        return f"{self.row} / {self.column} / seed {self.seed} / fold {self.fold}"


class CellResult(BaseModel):
    """The result of one measurement, a line of the file.

    Attributes:
        row: name of the row.
        column: name of the column.
        seed: number of the measurement.
        fold: number of the fold.
        settings: hash of all settings of the cell.
        clips: number of tested clips.
        unknown: number of clips that were not tested, because their class has no training clip.
        right: whether each tested clip was guessed right, in the order of the files: packed bits in base64.
        per_class: mean accuracy over the classes of the tested clips (P-C), in 0..1.
        classes: number of classes of the tested clips.
        seconds: time that it took.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    row: str
    column: str
    seed: Annotated[int, Field(ge=0)]
    fold: Annotated[int, Field(ge=0)]
    settings: str
    clips: Annotated[int, Field(ge=1, le=100_000_000)]
    unknown: Annotated[int, Field(ge=0)]
    right: str
    per_class: Share
    classes: Annotated[int, Field(ge=1)]
    seconds: Annotated[float, Field(ge=0)]

    @classmethod
    def of(
        cls, cell: Cell, settings: str, guessed: NDArray[np.int64], targets: NDArray[np.int64], **facts: float
    ) -> CellResult:
        """Compare guessed classes with the right ones.

        Args:
            cell: the measurement.
            settings: hash of all settings of the cell.
            guessed: (N,) guessed classes.
            targets: (N,) right classes.
            facts: `unknown` and `seconds`.
        """
        right = guessed == targets
        by_class = [float(right[targets == one].mean()) for one in np.unique(targets)]
        return cls(
            row=cell.row,
            column=cell.column,
            seed=cell.seed,
            fold=cell.fold,
            settings=settings,
            clips=len(right),
            unknown=int(facts["unknown"]),
            right=base64.b64encode(np.packbits(right).tobytes()).decode(),
            per_class=float(np.mean(by_class)),
            classes=len(by_class),
            seconds=facts["seconds"],
        )

    @property
    def cell(self) -> Cell:
        """Which measurement this is the result of."""
        return Cell(self.row, self.column, self.seed, self.fold)

    @property
    def answers(self) -> NDArray[np.bool_]:
        """(N,) whether each tested clip was guessed right."""
        packed = np.frombuffer(base64.b64decode(self.right, validate=True), np.uint8)
        if len(packed) != (self.clips + 7) // 8:
            raise ValueError(f"{len(packed)} bytes of answers for {self.clips} clips")
        return np.unpackbits(packed, count=self.clips).astype(bool)

    @property
    def accuracy(self) -> float:
        """Fraction of the tested clips that was guessed right (P-I)."""
        return float(self.answers.mean())


def cells_of(recipe: Recipe) -> Iterator[Cell]:
    """Yield all measurements of a study: first those of the first seed, so that one may stop early.

    Args:
        recipe: the study.
    """
    for seed in range(recipe.seeds):
        for row in recipe.rows:
            for column in recipe.columns:
                for fold in recipe.folds():
                    yield Cell(row, column, seed, fold)


def settings_key(recipe: Recipe, cell: Cell) -> str:
    """Return a hash of all that a result depends on, except the clips: a changed recipe measures again.

    Args:
        recipe: the study.
        cell: the measurement.
    """
    chosen = recipe.of(cell.row, cell.column)
    before = chosen.pretrain_settings(recipe.pretraining_seed(cell.seed))
    # Without pre-training, only the shape of network and input is used.
    used: tuple[BaseModel, ...] = (before,) if chosen.needs_pretraining else (before.network, before.inputs)
    parts = [
        chosen.model_dump_json(exclude={"pretrain", "finetune"}),
        chosen.finetune_settings(cell.seed).model_dump_json(),
        *(settings.model_dump_json() for settings in used),
        recipe.left_out_text,
    ]
    return _hash(*parts)


def pretraining_key(recipe: Recipe, cell: Cell) -> str | None:
    """Return the name of the pre-training that a cell needs; None if it needs none.

    Args:
        recipe: the study.
        cell: the measurement.
    """
    chosen = recipe.of(cell.row, cell.column)
    if not chosen.needs_pretraining:
        return None
    seed = recipe.pretraining_seed(cell.seed)
    key = _hash(chosen.pretrain_settings(seed).model_dump_json(), recipe.left_out_text, str(cell.fold))
    return f"{key}-seed{seed}" + (f"-fold{cell.fold}" if recipe.left_out else "")


def _hash(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class CellFile:
    """The file of the results: one line of JSON for each, in the order in which they were measured.

    Attributes:
        path: path of the file.
    """

    path: Path

    def add(self, result: CellResult) -> None:
        """Append a result.

        Raises:
            OSError: if the file cannot be written.
        """
        append_line(self.path, result.model_dump_json())

    def drop_incomplete_line(self) -> None:
        """Remove the last line if a process was killed while it wrote it; the next one would continue it.

        Raises:
            OSError: if the file cannot be written.
        """
        if self.path.exists() and not (content := self.path.read_bytes()).endswith(b"\n"):
            write_whole(self.path, content[: content.rfind(b"\n") + 1])

    def read(self, recipe: Recipe) -> dict[Cell, CellResult]:
        """Read the results that are of the recipe as it is now; of two for the same cell, the last counts.

        Args:
            recipe: the study.

        Raises:
            DataError: if a line is damaged; the message names it.
        """
        if not self.path.exists():
            return {}
        wanted = set(cells_of(recipe))
        found = {}
        for number, line in enumerate(self.path.read_bytes().splitlines(keepends=True), 1):
            if not line.endswith(b"\n"):
                break  # a process was killed while it wrote the line
            try:
                result = CellResult.model_validate_json(line)
                _ = result.answers
            except (ValidationError, ValueError) as error:
                reason = str(error).partition("\n")[0]
                raise DataError(
                    f"{self.path}, line {number}, is not a result ({reason})",
                    "Remove the line: its cell is then measured again",
                ) from None
            cell = result.cell
            if cell in wanted and result.settings == settings_key(recipe, cell):
                found[cell] = result
        return found


def as_json(results: dict[Cell, CellResult]) -> str:
    """Return accuracies in 0..1 by the names of the cells, as text.

    Args:
        results: results by cell.
    """
    values = {str(cell): round(result.accuracy, 6) for cell, result in results.items()}
    return json.dumps(values, indent=1, ensure_ascii=False) + "\n"
