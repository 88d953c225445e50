"""Joining files: which files can be used together, and the provenance of a joint file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path

from masa_data.errors import MismatchError
from masa_data.tracks.provenance import EstimatorIdentity, Provenance
from masa_data.tracks.raw_scores import unite_raw_scores


def check_go_together(files: Sequence[tuple[Path, Provenance]], *, any_estimator: bool = False) -> None:
    """Check that tracks of several files can be in one dataset.

    All pairs are compared, because a declared estimator can match two measured ones that differ.

    Args:
        files: paths and provenances.
        any_estimator: whether the estimators may differ. The sampling must be the same.

    Raises:
        DataError: if two files differ; the message says how, and which option allows it.
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
                f"{path} and {other} were extracted differently ({'; '.join(differences)})",
                "Extract them with the same sampling"
                if sampling
                else "Extract them with the same estimator; or import keypoints again with {estimator}, "
                "or give {any_estimator} to join them anyway",
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
    """Refuse keypoints of another estimator than a network was trained on: its answers would be wrong.

    Args:
        trained: the network's file.
        expected: estimator of the network's training data.
        found: estimator of the keypoints.
        option: name of the argument that allows a difference, for the error.
        named: description of the keypoints in the error.

    Raises:
        DataError: if the estimators differ; the message says how.
    """
    differences = expected.differences(found)
    if differences:
        more = f"; {len(differences) - 1} more" if len(differences) > 1 else ""
        raise MismatchError(
            f"found another estimator in {named} than {trained} was trained on "
            f"(there / here: {differences[0]}{more})",
            "Use keypoints of the same estimator (masa-convert declares the estimator of imported ones), or "
            f"give {{{option}}}; then the answers are not reliable",
            **{option: True},
        )


def join_estimators(estimators: Iterable[EstimatorIdentity]) -> EstimatorIdentity:
    """Return the identity of keypoints of several estimators; a single estimator is returned unchanged.

    The result for several is always declared, not measured. If all have the same name, it is that name, so
    that measured keypoints with this name remain compatible; else it contains all names, and is compatible
    with none.
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
    """Return the provenance of a file with all clips of several; the split rule is kept if all files have it.

    Args:
        provenances: at least one, all with the same sampling.
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
