"""What several files are together: which of them go together, and how their joint file came about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path

from masa_data.errors import MismatchError
from masa_data.tracks.provenance import EstimatorIdentity, Provenance
from masa_data.tracks.raw_scores import unite_raw_scores


def check_go_together(files: Sequence[tuple[Path, Provenance]], *, any_estimator: bool = False) -> None:
    """Check that tracks of several files may stand in one dataset.

    Every two are compared, since a declared estimator fits two measured ones that do not fit each other.

    Args:
        files: paths and provenances.
        any_estimator: whether the estimators may differ. The sampling may not.

    Raises:
        DataError: if two differ, saying in what and which option lets them pass.
    """
    kinds: dict[str, tuple[Path, Provenance]] = {}
    for path, provenance in files:
        key = provenance.estimator.model_dump_json() + provenance.sampling.model_dump_json()
        kinds.setdefault(key, (path, provenance))
    for (path, mine), (other, theirs) in combinations(kinds.values(), 2):
        differences = mine.differences(theirs)
        sampling = [line for line in differences if line.startswith("sampling")]
        if differences and not (any_estimator and not sampling):
            raise MismatchError(
                f"{path} and {other} were made differently ({'; '.join(differences)})",
                "Extract them with the same sampling"
                if sampling
                else "Extract them with the same estimator; or import keypoints again with {estimator}, "
                "or give {any_estimator} to join them all the same",
                estimator="NAME",
                any_estimator=True,
            )


def check_estimator(
    trained: Path,
    expected: EstimatorIdentity,
    found: EstimatorIdentity,
    option: str,
    named: str = "the keypoints",
) -> None:
    """Refuse keypoints of another estimator than a network was trained on: it would misread them.

    Args:
        trained: the network's file.
        expected: what it was trained on.
        found: what the keypoints are of.
        option: name of the argument that lets them pass, for the error.
        named: what the keypoints are called in the error.

    Raises:
        DataError: if they differ, saying in what.
    """
    differences = expected.differences(found)
    if differences:
        more = f"; {len(differences) - 1} more" if len(differences) > 1 else ""
        raise MismatchError(
            f"found another estimator in {named} than {trained} was trained on "
            f"(there / here: {differences[0]}{more})",
            "Use keypoints of that one (masa-convert declares the estimator of imported ones), or give "
            f"{{{option}}} and do not trust the answer",
            **{option: True},
        )


def join_estimators(estimators: Iterable[EstimatorIdentity]) -> EstimatorIdentity:
    """The identity of keypoints of several estimators; of the one there is, unchanged.

    Several are never claimed as measured: the result is declared. Where all have one name it is theirs, so
    that measured keypoints of it go on being taken; else it is all names, which is the name of none.
    """
    distinct = list(dict.fromkeys(estimator.model_dump_json() for estimator in estimators))
    all_of_them = [EstimatorIdentity.model_validate_json(text) for text in distinct]
    if len(all_of_them) == 1:
        return all_of_them[0]
    names = sorted({name for one in all_of_them for name in one.name.split("+")})
    versions = sorted({one.version for one in all_of_them})
    meanings = sorted({one.confidence for one in all_of_them})
    return EstimatorIdentity(
        name="+".join(names),
        version=versions[0] if len(versions) == 1 else "several",
        settings={"joined": len(all_of_them)},
        weights_sha256="",
        confidence=meanings[0] if len(meanings) == 1 else "as each estimator gave it, from 0 to 1",
        declared=True,
    )


def join_provenances(provenances: Sequence[Provenance]) -> Provenance:
    """How a file of all clips of several came about; the rule of splits stays only if it is everybody's.

    Args:
        provenances: one or more, of one sampling.
    """
    first = provenances[0]
    rules = [provenance.split_rule for provenance in provenances]
    notes: dict[str, list[str]] = defaultdict(list)
    for provenance in provenances:
        for name, note in provenance.notes.items():
            if note not in notes[name]:
                notes[name].append(note)
    return first.model_copy(
        update={
            "estimator": join_estimators(provenance.estimator for provenance in provenances),
            "split_rule": rules[0] if all(rule == rules[0] for rule in rules) else None,
            "notes": {name: "; ".join(texts) for name, texts in notes.items()},
            "raw_scores": unite_raw_scores(provenance.raw_scores for provenance in provenances),
        }
    )
