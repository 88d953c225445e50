"""Wrong lists: one line that names file, row, what was found and what was expected."""

import json
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_up_rows import dump, instance, sample

from masa_data.corpora.named import CORPORA, list_corpus
from masa_data.errors import DataError

URL = "https://youtu.be/abcdefghi-1"


def the_problem(listing):
    (problem,) = (problem for problem in listing.problems if problem.kind == "failed")
    assert "\n" not in problem.reason + problem.advice
    return problem.reason


def without(row, key):
    return {name: value for name, value in row.items() if name != key}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (without(instance("00002"), "video_id"), "found no `video_id`, expected a text"),
        (without(instance("00002"), "frame_end"), "found no `frame_end`, expected an integer"),
        (instance("00002", first=-4), "found -4 as `frame_start`, expected 1 or more"),
        (instance("00002", first=1.5), "found 1.5 as `frame_start`, expected an integer"),
        (instance("00002", first=10**30), f"found {10**30} as `frame_start`, expected 1 or more"),
        (instance("00002", last=-2), "found -2 as `frame_end`, expected -1 or more"),
        (
            instance("00002", first=9, last=3),
            "found frames 9 to 3, expected a last frame of -1 or not before",
        ),
        (instance("00002", "trial"), "found 'trial' as `split`, expected train, val or test"),
        (instance("00002", ["train"]), "found ['train'] as `split`, expected train, val or test"),
        (instance("../../etc/passwd"), "found '../../etc/passwd' as `video_id`, expected a plain name"),
        (instance("\ud800"), r"found '\ud800' as `video_id`, expected a text in Unicode"),
        (
            instance("00002", bbox=(5, 5, 1, 9)),
            "found the bbox [5.0, 5.0, 1.0, 9.0], expected [xmin, ymin, xmax",
        ),
        (instance("00002", bbox=(5, 5, 9)), "found [5, 5, 9] as `bbox`, expected 4 numbers"),
        (instance("00002", signer="me"), "found 'me' as `signer_id`, expected an integer"),
        (instance("00002", signer=True), "found True as `signer_id`, expected an integer"),
        (instance("00001"), "found clip 00001 again, expected each once (first: "),
        ("00002", "found '00002', expected named values in braces"),
    ],
)
def test_a_wrong_row_of_wlasl_is_told_and_the_others_are_kept(tmp_path, row, expected):
    path = tmp_path / "WLASL_v0.3.json"
    dump(path, [{"gloss": "book", "instances": [instance("00001"), row, instance("00003")]}])
    listing = list_corpus("wlasl", tmp_path)
    assert [row.clip.id for row in listing.rows] == ["00001", "00003"]
    assert the_problem(listing).startswith(f"{path}, gloss 0, instance 1: {expected}")


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (
            {"subset": "train"},
            "found no `action` of three numbers, expected [label, first frame, last frame]",
        ),
        ({"subset": "train", "action": [2000, 1, 9]}, "found 2000 as `label`, expected 0 to 1999"),
        ({"subset": "train", "action": [0, 0, 9]}, "found 0 as `first frame`, expected 1 or more"),
        ({"action": [0, 1, 9]}, "found no `subset`, expected train, val or test"),
    ],
)
def test_a_wrong_row_of_nslt(tmp_path, entry, expected):
    path = tmp_path / "nslt_2000.json"
    dump(path, {"00001": entry, "00002": {"subset": "test", "action": [3, 1, 9]}})
    listing = list_corpus("wlasl", tmp_path)
    assert [row.clip.id for row in listing.rows] == ["00002"]
    assert the_problem(listing) == f"{path}, row '00001': {expected}"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (without(sample(URL, 1, 0, 1), "label"), "found no `label`, expected an integer"),
        (sample(URL, 1000, 0, 1), "found 1000 as `label`, expected 0 to 999"),
        (sample(URL, 1, -1, 1), "found -1 as `start_time`, expected a number from 0"),
        (sample(URL, 1, 2, 1), "found the times 2.0 to 1.0, expected a start_time before the end_time"),
        (sample(URL, 1, 0, "1"), "found '1' as `end_time`, expected a number from 0"),
        (sample(URL, 1, 0, 1, box=[0, 0, 1, 2]), "found [0, 0, 1, 2] as `box`, expected numbers from 0 to 1"),
        (
            sample(URL, 1, 0, 1, box=[0.5, 0, 0.5, 1]),
            "found the box [0.5, 0.0, 0.5, 1.0], expected [y0, x0, y1",
        ),
        (sample(URL, 1, 0, 1, fps=0), "found 0 as `fps`, expected a number from 1"),
        (sample(None, 1, 0, 1), "found None as `url`, expected a text"),
    ],
)
def test_a_wrong_row_of_msasl(tmp_path, row, expected):
    path = tmp_path / "MSASL_train.json"
    dump(path, [sample(URL, 1, 0, 1), row])
    listing = list_corpus("msasl", tmp_path)
    assert [row.clip.id for row in listing.rows] == ["train/00000"]
    assert the_problem(listing).startswith(f"{path}, row 1: {expected}")
    assert {problem.reason for problem in listing.problems if problem.kind == "warning"} == {
        "found no MSASL_val.json: no clip of val is listed",
        "found no MSASL_test.json: no clip of test is listed",
    }


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("../0/clip 0", "found the path '../0/clip', expected a path below the root"),
        ("/etc/0/clip 0", "found the path '/etc/0/clip', expected a path below the root"),
        ("0/clip 1067", "found the label '1067' in '0/clip 1067', expected 0 to 1066"),
        (f"0/clip {'9' * 5000}", f"found the label '{'9' * 60}'"),
        (f"{'9' * 5000}/clip", f"found the label '{'9' * 60}'"),
        (f"{'9' * 5000}/clip 0", "found label 0 and folder"),
        ("0/clip -1", "found the label '-1' in '0/clip -1', expected 0 to 1066"),
        ("clip", "found the label '' in 'clip', expected 0 to 1066"),
        ("0/clip 1", "found label 1 and folder 0, expected the same"),
        ("0/good 0", "found clip 0/good again, expected each once"),
    ],
)
def test_a_wrong_row_of_nmfs_csl(tmp_path, line, expected):
    path = tmp_path / "trainlist01.txt"
    path.write_bytes(f"\ufeff0/good 0\r\n{line}\r\n".encode())
    listing = list_corpus("nmfs-csl", tmp_path)
    assert [row.clip.id for row in listing.rows] == ["0/good"]
    assert the_problem(listing).startswith(f"{path}, row 2: {expected}")


@pytest.mark.parametrize(
    "path", ["000/P01_01_01_0._color.mp4", "000/P51_01_00_0._color.mp4", "../x", "", f"{10**40}/P01_01_00_1"]
)
def test_a_wrong_row_of_slr500(tmp_path, path):
    table = tmp_path / "split.train.csv"
    table.write_text(f"video_path,class_name\r\n000/P01_01_00_0._color.mp4,x\r\n{path},x\r\n", newline="")
    listing = list_corpus("slr500", tmp_path, tmp_path)
    assert [row.clip.id for row in listing.rows] == ["000/P01_01_00_0"]
    assert the_problem(listing).startswith(f"{table}, row 3: found the path '{path}', expected {{label}}/P01")


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_byte_order_marks_and_line_ends_change_nothing(tmp_path, ending):
    text = json.dumps([{"gloss": "book", "instances": [instance("00001")]}], indent=1)
    (tmp_path / "WLASL_v0.3.json").write_bytes(text.replace("\n", ending).encode("utf-8-sig"))
    listing = list_corpus("wlasl", tmp_path)
    assert [row.clip.id for row in listing.rows] == ["00001"]
    assert listing.problems == []


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            b'[{"gloss": "book",\n "instances": [',
            r"line 2: found the end of the file in column 16, expected complete",
        ),
        (b'[{"gloss": "book"}\n"x"]', r"line 2: found no JSON \(Expecting ',' delimiter\) in column 1"),
        (b'[{"gloss": "\xff"}]', "line 1: found bytes that are not UTF-8"),
        ('["a"]'.encode("utf-16-le"), "line 1: found"),
        (b"[NaN]", r"found no readable JSON \(the number NaN\)"),
        (b"[" * 200_000, r"found no readable JSON"),
        (b'{"00001": 1, "00001": 2}', r"found no readable JSON \(the name '00001' twice\)"),
        (b"3", "found no list of glosses or clips"),
        (b"", "found the end of the file"),
    ],
)
def test_a_file_that_is_no_list_ends_in_one_line(tmp_path, content, expected):
    (tmp_path / "WLASL_v0.3.json").write_bytes(content)
    with pytest.raises(DataError, match=expected) as caught:
        list_corpus("wlasl", tmp_path)
    assert "WLASL_v0.3.json" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_where_no_list_is_the_names_are_said(tmp_path):
    for name, expected in (
        ("wlasl", "expected WLASL_v0.3.json, nslt_2000.json, .*, trainlist01.txt"),
        ("msasl", "expected MSASL_train.json, MSASL_val.json, MSASL_test.json"),
        ("nmfs-csl", "expected trainlist01.txt, testlist01.txt"),
    ):
        with pytest.raises(DataError, match=f"found no list in .*{expected}"):
            list_corpus(name, tmp_path)
    with pytest.raises(DataError, match=r"expected split\.train\.csv"):
        list_corpus("slr500", tmp_path, tmp_path)
    for name in CORPORA:
        with pytest.raises(DataError, match="found no folder"):
            list_corpus(name, tmp_path / "nowhere")
        with pytest.raises(DataError, match="found no list or folder"):
            list_corpus(name, tmp_path, tmp_path / "nowhere")


def test_two_lists_of_one_split_are_not_guessed_between(tmp_path):
    (tmp_path / "train.txt").write_text("0/a 0\n")
    (tmp_path / "trainlist01.txt").write_text("0/b 0\n")
    with pytest.raises(
        DataError, match=r"found train.txt, trainlist01.txt in .*, expected one list per split"
    ):
        list_corpus("nmfs-csl", tmp_path)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)


@given(key=st.sampled_from(sorted(instance("1"))), value=json_values, whole=json_values)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_row_holds_it_is_taken_or_told(tmp_path, key, value, whole):
    dump(
        tmp_path / "WLASL_v0.3.json", [{"gloss": "book", "instances": [{**instance("1"), key: value}, whole]}]
    )
    listing = list_corpus("wlasl", tmp_path)
    failed = [problem for problem in listing.problems if problem.kind == "failed"]
    assert len(listing.rows) + len(failed) == 2
    assert all("\n" not in problem.reason for problem in failed)


@given(content=json_values)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_list_holds_it_is_taken_or_told(tmp_path, content):
    for corpus, name in (("wlasl", "WLASL_v0.3.json"), ("msasl", "MSASL_train.json")):
        dump(tmp_path / name, content)
        with suppress(DataError):
            list_corpus(corpus, tmp_path)
