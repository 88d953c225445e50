"""CSV as Excel and others write it; the same rows whatever separates the values and encodes the text."""

import csv
import io

import pytest

from masa_data.corpora.csv_list import list_csv
from masa_data.corpora.csv_table import read_csv
from masa_data.errors import DataError

ROWS = [
    ["path", "label", "signer"],
    ["a.mp4", 'say "tea; please", now', "Zoë"],
    ["b.mp4", "two\nlines\t", ""],
]


def written(separator):
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator).writerows(ROWS)
    return text.getvalue()


FORMS = {
    "commas": written(",").encode(),
    "semicolons": written(";").encode(),
    "tabs": written("\t").encode(),
    "Excel's UTF-8": b"\xef\xbb\xbf" + written(";").encode(),
    "Excel's Unicode text": written("\t").encode("utf-16"),
    "the other UTF-16": b"\xfe\xff" + written(",").encode("utf-16-be"),
    "a hint for Excel": b"sep=;\r\n" + written(";").encode(),
    "empty lines at the end": written(",").encode() + b"\r\n\r\n",
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_rows(tmp_path, form):
    path = tmp_path / "a.csv"
    path.write_bytes(FORMS[form])
    table = read_csv(path)
    assert list(table.columns) == ROWS[0]
    assert [list(row.values()) for _, row in table.rows()] == ROWS[1:]
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).touch()
    listing = list_csv(path)
    assert [clip.id for clip in listing.clips] == ["a", "b"]
    assert [clip.gloss for clip in listing.clips] == [ROWS[1][1], "two\nlines"]
    assert listing.problems == []


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("path,label\nä.mp4,1".encode("latin-1"), "line 2: found bytes that are not UTF-8"),
        (b"path;label\na;1;2\n", ":2: found 3 values, but the first line names 2 columns"),
        (b'path,label\na,"1" x\n', "found no valid CSV"),
        (b'path,label\na,"1\n', "found no valid CSV"),
        (b'"path,label', "found no valid CSV"),
        ("path,x\n".encode("utf-16")[:-1], "found bytes that are not UTF-16"),
        (b"path,label,label\n", "found the columns path, label, label"),
        (b"", "found the columns none"),
    ],
)
def test_what_is_no_table_is_told_in_one_line(tmp_path, content, expected):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=expected) as error:
        list_csv(path)
    assert "\n" not in str(error.value)
