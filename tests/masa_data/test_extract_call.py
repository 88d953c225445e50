"""masa_data.extract gives what the command gives, in one call."""

import json
import shutil
import subprocess
import sys

import pytest

import masa_data
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def extracted(footage, tmp_path_factory):
    folder = tmp_path_factory.mktemp("extracted")
    seen = []
    summary = masa_data.extract(
        footage, folder / "out.h5", split_by="random", limit=4, workers=2, progress=seen.append
    )
    return summary, seen


def test_it_gives_counts_and_the_file(extracted, footage):
    summary, seen = extracted
    with masa_data.open(summary.out) as tracks:
        assert len(tracks) == summary.done == 4
        assert tracks.frames == summary.frames == 32
        assert tracks.provenance.estimator.name == "mediapipe"
        assert "" not in tracks.column("split").tolist()
    assert (summary.failed, summary.skipped, summary.problems, summary.failures) == (0, 0, [], None)
    assert summary.is_complete
    assert not summary.out.with_name("out.h5.failures.jsonl").exists()
    assert [one.done for one in seen] == [1, 2, 3, 4]
    assert {one.total for one in seen} == {4}
    assert {one.clip for one in seen} == set(masa_data.open(summary.out))
    assert f"<ExtractionSummary of {summary.out}\n  clips: 4 done, 0 done before, 0 failed" in repr(summary)


def test_the_command_writes_the_same_bytes(extracted, footage, tmp_path, run):
    run("masa-extract", footage, tmp_path / "out.h5", "--split-by", "random", "--limit", "4")
    assert (tmp_path / "out.h5").read_bytes() == extracted[0].out.read_bytes()


def test_a_second_call_goes_on_and_a_failure_is_listed(extracted, tmp_path):
    out = shutil.copy(extracted[0].out, tmp_path / "out.h5")
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    summary = masa_data.extract([broken], out)
    assert (summary.done, summary.failed, summary.is_written) == (0, 1, True)
    (line,) = summary.failures.read_text().splitlines()
    assert json.loads(line) == summary.problems[0].as_row()
    assert summary.problems[0].clip == "broken"
    assert "failed: " in repr(summary)
    with pytest.raises(
        masa_data.DataError, match=r"broken.mp4'.*Stopped at the first failure because of strict=True"
    ):
        masa_data.extract(broken, tmp_path / "new.h5", strict=True)


def test_nothing_extracted_writes_nothing(tmp_path):
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    summary = masa_data.extract(tmp_path / "broken.mp4", tmp_path / "out.h5")
    assert not summary.is_written
    assert not summary.out.exists()
    assert "which was not written" in repr(summary)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"inputs": "nowhere.mp4"}, "nowhere.mp4 does not exist"),
        ({"inputs": []}, "found no input"),
        ({"out": "out.txt"}, r"found 'out.txt' as the output, expected a file that ends in \.h5"),
        ({"every": 0}, "found every=0, expected at least 1"),
        ({"corpus": "wlasl", "inputs": ["a", "b"]}, "found 2 inputs with a corpus.*leave out corpus"),
        ({"annotations": "lists"}, "found annotations without a corpus. Give it with corpus"),
        ({"device": "cuda"}, "MediaPipe's Holistic model runs on the CPU only. Leave out device"),
    ],
)
def test_wrong_arguments_are_refused_in_words_of_python(options, message, tmp_path):
    given = {"inputs": "nowhere.mp4", "out": tmp_path / "out.h5"} | options
    with pytest.raises(masa_data.DataError, match=message):
        masa_data.extract(given.pop("inputs"), given.pop("out"), **given)


def test_a_script_may_call_it_at_its_top_level(footage, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        f"import masa_data\nprint(masa_data.extract({str(footage)!r}, 'out.h5', limit=1).done, 'done')\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "1 done\n", done.stderr
