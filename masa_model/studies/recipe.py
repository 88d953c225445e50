"""The recipe of a study: its rows and columns, and the settings of each cell. It is a TOML file."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from functools import reduce
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, ValidationError, model_validator

from masa_data.errors import DataError
from masa_model.settings.finetune import FinetuneSettings
from masa_model.settings.pretrain import PretrainSettings
from masa_model.settings.resolve import (
    in_words,
    leaves,
    merged,
    resolve_settings,
    said_values,
    said_without_effect,
)
from masa_model.settings.types import Count, Section, Weight

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_LONGEST_RECIPE: Final = 1_000_000
_Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Learner = Literal["fine-tuning", "nearest neighbor", "linear classifier", "keypoints", "position"]
Start = Literal["scratch", "pre-trained"]
Split = Literal["train", "val", "test", "none"]


class LeftOut(Section):
    """Groups of clips that pre-training does not see: the named ones, or each group in turn, in folds.

    Classes are learned and tested within the groups that are left out.

    Attributes:
        column: the property of a clip that names its group.
        before: the group is the part of the property before this text; "" = the whole property.
        groups: names of groups that are left out together, in a single fold; empty = each group in turn.
        folds: number of folds; each group is left out in one of them. Group n of the sorted groups is left
            out in fold n modulo the number of folds.
    """

    column: Literal["gloss", "signer", "corpus", "id", "path"]
    before: str = ""
    groups: tuple[str, ...] = ()
    folds: Annotated[int, Field(ge=1, le=1000)] = 1

    @model_validator(mode="after")
    def _one_or_the_other(self) -> LeftOut:
        if bool(self.groups) == (self.folds > 1):
            raise ValueError("expected either groups, or at least 2 folds")
        return self


class CellRecipe(Section):
    """What is measured in a cell. A recipe gives these values for all cells, for a row and for a column.

    Attributes:
        learner: what learns the signs: "fine-tuning" of the network, the "nearest neighbor" or a "linear
            classifier" of frozen features, or without a network: logistic regression on "keypoints", or the
            nearest clip by the "position" of nose and shoulders, which knows nothing about the sign.
        start: weights of the network: random ones ("scratch") or "pre-trained" ones.
        pretrain: settings of pre-training.
        finetune: settings of fine-tuning; `data` also selects the clips for the other learners.
        test: the splits that are tested.
        corpus: only clips of this corpus are learned from and tested; "" = of all corpora.
        signers_apart: learn from every second signer in the order of their names, and test the others; clips
            without a signer are not used. Splits with train clips can then be tested too.
        train_signers: only clips of these signers are learned from; empty = of all signers.
        test_signers: only clips of these signers are tested; empty = of all signers.
        views: number of windows of a test clip whose probabilities are averaged.
        noise: standard deviation of noise on the keypoints in training and test (Table XIII).
    """

    learner: Learner = "fine-tuning"
    start: Start = "pre-trained"
    pretrain: dict[str, Any] = Field(default_factory=dict)
    finetune: dict[str, Any] = Field(default_factory=dict)
    test: tuple[Split, ...] = ("test",)
    corpus: str = ""
    signers_apart: bool = False
    train_signers: tuple[str, ...] = ()
    test_signers: tuple[str, ...] = ()
    views: Count = 1
    noise: Weight = 0.0

    @property
    def needs_pretraining(self) -> bool:
        """Whether this cell starts from a pre-trained network."""
        return self.start == "pre-trained" and self.learner not in ("keypoints", "position")

    def pretrain_settings(self, seed: int) -> PretrainSettings:
        """Return the settings of pre-training; without pre-training, those of network and input are used.

        Args:
            seed: random seed of the pre-training.

        Raises:
            DataError: if a setting is wrong.
        """
        said = merged({"seed": seed, "inputs": {"noise": self.noise}}, self.pretrain)
        return resolve_settings(PretrainSettings, options=said)

    def finetune_settings(self, seed: int) -> FinetuneSettings:
        """Return the settings of fine-tuning; the shape of network and input is that of pre-training.

        Args:
            seed: random seed of the choice of clips, the weights of the head and the order.

        Raises:
            DataError: if a setting is wrong.
        """
        before = self.pretrain_settings(0)
        given = {"seed": seed, "size": before.size, "network": before.network.model_dump()}
        inputs = {"crop_reference": before.inputs.crop_reference, "max_frames": before.inputs.max_frames}
        said = merged({"inputs": {**inputs, "noise": self.noise}}, self.finetune)
        settings = resolve_settings(FinetuneSettings, options=merged(given, said))
        started = {"pretrained": "pre-trained"} if self.needs_pretraining else {}
        return settings.model_copy(update=started)


class Recipe(Section):
    """A study: a table with a cell for each row and column, measured with several seeds.

    Attributes:
        title: title of the table.
        about: what the study asks, in a few sentences.
        seeds: number of measurements of each cell. A seed determines the choice of clips, the weights, the
            order, and the seed of pre-training.
        pretraining_seeds: number of pre-trainings of the same settings; seed n uses number n modulo this.
        per_class: whether the table also shows the accuracy per class (P-C).
        left_out: groups of clips that pre-training does not see; None = it sees the train clips of all.
        cell: values for all cells.
        rows: values for the cells of each row; they take precedence over `cell`.
        columns: values for the cells of each column; they take precedence over those of the row.
        always: values for all cells that take precedence over all others.
        differences: pairs of columns, or of rows, whose difference is shown: the first minus the second.
        paper: the paper's numbers in percent, by row and column: top-1 per instance, and per class if it has
            one.
    """

    title: _Name
    about: str = ""
    seeds: Annotated[int, Field(ge=1, le=1000)] = 3
    pretraining_seeds: Annotated[int, Field(ge=1, le=1000)] = 3
    per_class: bool = False
    left_out: LeftOut | None = None
    cell: dict[str, Any] = Field(default_factory=dict)
    rows: Annotated[dict[_Name, dict[str, Any]], Field(min_length=1)]
    columns: Annotated[dict[_Name, dict[str, Any]], Field(min_length=1)]
    always: dict[str, Any] = Field(default_factory=dict)
    differences: dict[_Name, tuple[str, str]] = Field(default_factory=dict)
    paper: dict[str, dict[str, Annotated[tuple[float, ...], Field(min_length=1, max_length=2)]]] = Field(
        default_factory=dict
    )

    @model_validator(mode="after")
    def _known_names(self) -> Recipe:
        for name, pair in self.differences.items():
            if not (set(pair) <= set(self.rows) or set(pair) <= set(self.columns)):
                raise ValueError(f"difference {name!r} names {pair}, expected two rows or two columns")
        for row, numbers in self.paper.items():
            if row not in self.rows or not set(numbers) <= set(self.columns):
                raise ValueError(f"paper has numbers for {row!r} that are of no row and column")
        return self

    def of(self, row: str, column: str) -> CellRecipe:
        """Return what is measured in a cell.

        Args:
            row: name of the row.
            column: name of the column.

        Raises:
            DataError: if a value of the recipe is wrong.
        """
        values = reduce(merged, (self.cell, self.rows[row], self.columns[column], self.always))
        try:
            return CellRecipe.model_validate(values)
        except ValidationError as error:
            raise in_words(error, CellRecipe) from None

    def pretraining_seed(self, seed: int) -> int:
        """Return the seed of the pre-training that a measurement with this seed starts from."""
        return seed % self.pretraining_seeds

    @property
    def left_out_text(self) -> str:
        """What pre-training does not see, as text for hashes; "" if it sees all."""
        return self.left_out.model_dump_json() if self.left_out else ""

    def folds(self) -> range:
        """Return the numbers of the folds; without groups that are left out, there is one."""
        return range(self.left_out.folds if self.left_out else 1)


def read_recipe(path: Path, assignments: Sequence[str] = ()) -> Recipe:
    """Read and check a recipe: every cell's settings are resolved before anything is computed.

    Args:
        path: a TOML file, or the name of a recipe of this package, such as "few-clips".
        assignments: values for all cells as "name=value", such as "pretrain.size=tiny".

    Raises:
        DataError: if there is no such recipe, or a value is wrong; the message says which.

    Example:
        >>> read_recipe(Path("few-clips")).seeds
        3
    """
    text = _text_of(path)
    try:
        values = tomllib.loads(text)
        always = merged(values.get("always", {}), said_values(assignments))
        recipe = Recipe.model_validate({**values, "always": always} if assignments else values)
        _check_effects([recipe.of(row, column) for row in recipe.rows for column in recipe.columns])
    except ValidationError as error:
        problem = in_words(error, Recipe)
        raise DataError(f"{path} is not a recipe: {problem.reason}", problem.advice) from None
    except DataError as error:
        raise DataError(f"{path}: {error.reason}", error.advice) from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not valid TOML ({error})", "Start from one of the recipes") from None
    return recipe


def _check_effects(cells: list[CellRecipe]) -> None:
    """Check that each given setting has an effect in some cell: others may share it without using it."""
    idle: dict[str, str] = {}
    effective: set[str] = set()
    for cell in cells:
        tuning, before = cell.finetune_settings(0), cell.pretrain_settings(0)
        for kind, settings, said in (
            ("finetune", tuning, cell.finetune),
            ("pretrain", before, cell.pretrain),
        ):
            without = said_without_effect(settings, said)
            idle |= {f"{kind}.{name}": why for name, why in without.items()}
            effective |= {f"{kind}.{name}" for name in leaves(said) if name not in without}
    for name, why in idle.items():
        if name not in effective:
            raise DataError(f"the setting {name} has no effect in any cell: {why}", "Leave it out")


def recipe_titles() -> dict[str, str]:
    """Return the title of each recipe that comes with this package, by its name."""
    files = sorted(_own_recipes(), key=lambda file: str(file.name))
    return {
        file.name.removesuffix(".toml"): tomllib.loads(file.read_text(encoding="utf-8"))["title"]
        for file in files
    }


def _own_recipes() -> Iterator[Any]:
    return (file for file in resources.files("masa_recipes").iterdir() if file.name.endswith(".toml"))


def _text_of(path: Path) -> str:
    names = list(recipe_titles())
    if not path.exists() and str(path) in names:
        return resources.files("masa_recipes").joinpath(f"{path}.toml").read_text(encoding="utf-8")
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(_LONGEST_RECIPE + 1)
    except FileNotFoundError:
        near = get_close_matches(path.stem, names, n=1, cutoff=0)
        advice = f"Did you mean {near[0]}? All: {', '.join(names)}" if near else "Check the path"
        raise DataError(f"there is no recipe {path}", advice) from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read ({error})", "Check the path") from None
    if len(text) > _LONGEST_RECIPE:
        raise DataError(f"{path} is too long for a recipe", f"Expected at most {_LONGEST_RECIPE:,} letters")
    return text
