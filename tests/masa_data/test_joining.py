"""Which files go together, what they are together, and the range of raw scores that once was a note."""

from itertools import permutations
from pathlib import Path

import pytest
from pydantic import ValidationError

from masa_data.editing.merge import merge
from masa_data.errors import DataError
from masa_data.shards.builder import DatasetBuilder
from masa_data.shards.dataset import PoseDataset
from masa_data.shards.joining import check_estimator, check_go_together, join_estimators, join_provenances
from masa_data.shards.quantize import quantize
from masa_data.shards.reader import PoseShards
from masa_data.shards.writer import write_shard
from masa_data.tracks.provenance import EstimatorIdentity, Provenance, Sampling
from tests.conftest import make_track


def identity(name="mediapipe", version="1", *, declared=False):
    return EstimatorIdentity(
        name=name, version=version, settings={}, weights_sha256="", confidence="", declared=declared
    )


def made_by(estimator, **facts):
    return Provenance(estimator=estimator, tool_version="0", **facts)


MEASURED, OTHER_VERSION = identity(), identity(version="2")
DECLARED, MMPOSE = identity(version="unknown", declared=True), identity("mmpose")


def write(path, provenance, *tracks):
    write_shard(path, provenance, map(quantize, tracks), sum(map(len, tracks)))
    return PoseShards.open(path)


@pytest.mark.parametrize(
    ("mine", "theirs", "fit"),
    [
        (MEASURED, MEASURED, True),
        (MEASURED, OTHER_VERSION, False),
        (MEASURED, DECLARED, True),
        (DECLARED, OTHER_VERSION, True),
        (DECLARED, identity("mmpose", declared=True), False),
        (MEASURED, MMPOSE, False),
    ],
)
def test_declared_estimators_fit_by_name_and_measured_ones_by_everything(mine, theirs, fit):
    for one, other in ((mine, theirs), (theirs, mine)):
        assert (one.differences(other) == []) == fit
        if not fit:
            with pytest.raises(DataError, match="--any-estimator"):
                check_estimator(Path("run"), one, other, "--any-estimator")


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_declared_one_does_not_bring_two_others_together(order):
    files = [(Path(f"{n}.h5"), made_by(one)) for n, one in enumerate((DECLARED, MEASURED, OTHER_VERSION))]
    files = [files[place] for place in order]
    with pytest.raises(DataError, match=r"version: ./ .|version: . / .") as error:
        check_go_together(files)
    assert "any_estimator=True" in error.value.advice
    check_go_together(files, any_estimator=True)


def test_another_sampling_is_no_question_of_the_estimator():
    files = [(Path("a"), made_by(MEASURED)), (Path("b"), made_by(MMPOSE, sampling=Sampling(every=2)))]
    with pytest.raises(DataError, match="sampling every: 1 / 2") as error:
        check_go_together(files, any_estimator=True)
    assert "any_estimator" not in str(error.value)


def test_what_is_joined_is_never_claimed_as_measured():
    assert join_estimators([MEASURED, MEASURED]) == MEASURED
    for parts in ([MEASURED, DECLARED], [DECLARED, MEASURED], [MEASURED, OTHER_VERSION]):
        joined = join_estimators(parts)
        assert (joined.name, joined.declared) == ("mediapipe", True)
        assert joined.differences(MEASURED) == []
    mixed = join_estimators([MMPOSE, MEASURED])
    assert (mixed.name, mixed.declared) == ("mediapipe+mmpose", True)
    assert mixed.differences(MEASURED)
    assert join_estimators([mixed, MMPOSE]).name == "mediapipe+mmpose"


def test_files_are_joined_and_opened_together_where_that_is_asked_for(tmp_path):
    paths = [tmp_path / "a.h5", tmp_path / "b.h5"]
    files = [
        write(path, made_by(one), make_track(path.stem))
        for path, one in zip(paths, (MEASURED, MMPOSE), strict=True)
    ]
    with pytest.raises(DataError, match="mediapipe / mmpose"):
        merge(files)
    assert merge(files, any_estimator=True).provenance.estimator.name == "mediapipe+mmpose"
    with pytest.raises(DataError, match="mediapipe / mmpose"):
        PoseDataset.open(*paths)
    assert PoseDataset.open(*paths, any_estimator=True).estimator.name == "mediapipe+mmpose"
    assert files[0]["a"].estimator == MEASURED


def test_extraction_goes_on_in_a_declared_file_which_stays_declared(tmp_path):
    write(tmp_path / "out.h5", made_by(DECLARED, notes={"size": "assumed"}), make_track("a")).close()
    with DatasetBuilder(tmp_path / "out.h5", made_by(MEASURED)) as builder:
        builder.add(make_track("b"))
        with builder.finish(["b"]) as found:
            assert list(found) == ["a", "b"]
            assert found.provenance.estimator.declared
            assert found.provenance.notes == {"size": "assumed"}
    with (
        pytest.raises(DataError, match="has other settings"),
        DatasetBuilder(tmp_path / "out.h5", made_by(MMPOSE)),
    ):
        pass


@pytest.mark.parametrize(
    ("note", "expected"),
    [
        ("0.00 to 1.06", (0.0, 1.06)),
        ("0.02 to 1.06; -0.02 to 0.90", (-0.02, 1.06)),
        ("none; 0.10 to 0.90", (0.1, 0.9)),
        ("none", None),
    ],
)
def test_notes_of_earlier_files_become_the_field(tmp_path, note, expected):
    """Merged files had two ranges in one note, and the next extraction into one died at its very end."""
    old = made_by(MEASURED, notes={"raw scores": note, "size": "kept"})
    assert (old.raw_scores, old.notes) == (expected, {"size": "kept"})
    write(tmp_path / "out.h5", old, make_track("a")).close()
    with DatasetBuilder(tmp_path / "out.h5", made_by(MEASURED)) as builder:
        builder.add(make_track("b"), (0.5, 1.5))
        with builder.finish(["b"]) as found:
            low, high = expected or (0.5, 0.5)
            assert found.provenance.raw_scores == (min(low, 0.5), max(high, 1.5))


def test_a_note_in_other_words_stays_a_note():
    found = made_by(MEASURED, notes={"raw scores": "from a to b"})
    assert (found.raw_scores, found.notes) == (None, {"raw scores": "from a to b"})


def test_ranges_are_united_by_number_and_read_back():
    parts = [made_by(MEASURED, raw_scores=found) for found in ((0.004, 1.0), (-0.25, 0.5), None)]
    joined = join_provenances(parts)
    assert joined.raw_scores == (-0.25, 1.0)
    assert Provenance.model_validate_json(joined.model_dump_json()) == joined
    with pytest.raises(ValidationError):
        made_by(MEASURED, raw_scores=(0.0, float("nan")))


def test_a_file_without_the_new_fields_is_read_and_keeps_its_fingerprint(tmp_path, monkeypatch):
    provenance = made_by(MEASURED)
    found = write(tmp_path / "new.h5", provenance, make_track("a"))
    old = provenance.model_dump(exclude={"raw_scores": True, "estimator": {"declared"}})
    assert Provenance.model_validate(old) == provenance
    hashed = MEASURED.model_dump_json(exclude={"declared"})
    assert MEASURED.model_dump_json(exclude_defaults=True) == hashed
    assert found.fingerprint != write(tmp_path / "b.h5", made_by(DECLARED), make_track("a")).fingerprint
