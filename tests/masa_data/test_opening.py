"""masa_data.open, and what datasets say of themselves: against pandas, XML and plain lists."""

import sys
from dataclasses import asdict
from xml.etree import ElementTree

import numpy as np
import pytest

import masa_data
from masa_data.shards.quantize import quantize
from masa_data.shards.writer import write_shard
from tests.conftest import make_track

TRACKS = [
    make_track(f"{gloss}/{take}", 3 + take, gloss=gloss, corpus="made", split=split)
    for gloss in ("book", "apple")
    for take, split in enumerate(("train", "train", "test"))
]
MORE = [make_track("book/0", 9, gloss="zoo", corpus="other"), make_track("<i>&", 4, corpus="other")]


@pytest.fixture
def files(tmp_path, provenance):
    for name, tracks in (("a.h5", TRACKS), ("b.h5", MORE)):
        write_shard(tmp_path / name, provenance, map(quantize, tracks), sum(map(len, tracks)))
    return tmp_path / "a.h5", tmp_path / "b.h5"


def ids(tracks):
    return [track.info.id for track in tracks]


def test_one_path_is_a_mapping_and_all_else_a_sequence(files):
    one = masa_data.open(files[0])
    assert isinstance(one, masa_data.PoseShards)
    assert list(one) == ids(TRACKS)
    assert masa_data.open(str(files[0]))["book/1"] == one["book/1"]
    for several in (masa_data.open(files), masa_data.open([str(path) for path in files])):
        assert isinstance(several, masa_data.PoseDataset)
        assert ids(several) == ids(TRACKS + MORE)
    assert isinstance(masa_data.open([files[0]]), masa_data.PoseDataset)
    assert ids(masa_data.open(files[0], ["test"])) == ["book/2", "apple/2"]
    assert ids(masa_data.open(files, splits=["none"])) == ids(MORE)
    assert ids(masa_data.open(files, corpora=["other"])) == ids(MORE)


def test_nothing_to_open_is_said(files):
    with pytest.raises(masa_data.NoClipsError, match="found no path"):
        masa_data.open([])
    with pytest.raises(masa_data.NoClipsError, match=r"is of splits \['val'\]"):
        masa_data.open(files, splits=["val"])


def test_an_unknown_clip_is_a_key_error_that_names_the_nearest(files):
    tracks = masa_data.open(files[0])
    with pytest.raises(KeyError) as raised:
        tracks["boook/1"]
    assert isinstance(raised.value, masa_data.UnknownClipError)
    assert str(raised.value).startswith(f"there is no clip 'boook/1' in {files[0]}. Similar: book/1, ")
    with pytest.raises(masa_data.DataError, match=r"Clips are found by id; \.track\(0\) is the first one"):
        tracks[0]
    assert tracks.get("boook/1") is None
    assert tracks.get("boook/1", 7) == 7
    assert "book/1" in tracks
    assert 3 not in tracks
    dataset = masa_data.open([files[0]])
    with pytest.raises(masa_data.UnknownClipError, match="Similar: apple/1"):
        dataset["aple/1"]


def test_a_dataset_is_sliced_as_a_list_is(files):
    dataset = masa_data.open(files)
    known = ids(TRACKS + MORE)
    for part in (slice(2, 5), slice(None, None, -1), slice(-3, None), slice(7, 100)):
        assert ids(dataset[part]) == known[part]
        assert dataset[part].lengths.tolist() == [len(track) for track in (TRACKS + MORE)[part]]
    assert ids(dataset[["apple/1", "<i>&"]]) == ["apple/1", "<i>&"]
    assert ids(dataset[[0, -1]]) == [known[0], known[-1]]
    assert ids(dataset[dataset.lengths > 4]) == [one.info.id for one in TRACKS + MORE if len(one) > 4]
    assert ids(dataset[[]]) == []
    assert dataset["apple/2"] == dataset[5] == dataset[np.int64(5)]
    assert "apple/2" in dataset
    assert "nope" not in dataset
    assert dataset[:1]["book/0"].info.gloss == "book"  # in all files together it is not clear which
    with pytest.raises(masa_data.DataError, match="found 2 clips with the id 'book/0'"):
        dataset["book/0"]
    with pytest.raises(IndexError):
        dataset[100]


def test_glosses_are_sorted_and_each_is_there_once(files):
    assert masa_data.open(files[0]).glosses == ["apple", "book"]
    assert masa_data.open(files).glosses == ["apple", "book", "zoo"]
    assert masa_data.open(files)[:3].glosses == ["book"]


def test_a_table_has_a_row_a_clip(files):
    pandas = pytest.importorskip("pandas")
    dataset = masa_data.open(files)[::-1]
    for tracks, made in ((masa_data.open(files[0]), TRACKS), (dataset, (TRACKS + MORE)[::-1])):
        table = tracks.to_pandas()
        expected = pandas.DataFrame([{**asdict(one.info), "frames": len(one)} for one in made])
        pandas.testing.assert_frame_equal(table, expected, check_dtype=False)
        assert table.several_people.dtype == bool
    frames = masa_data.open(files[0]).to_pandas().groupby("gloss").frames.sum()
    assert frames.to_dict() == {"apple": 12, "book": 12}


def test_without_pandas_it_is_said_how_to_install_it(files, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(masa_data.NotInstalledError, match=r"pandas is not installed.*pip install pandas"):
        masa_data.open(files[0]).to_pandas()


def test_datasets_say_what_is_in_them(files):
    tracks, dataset = masa_data.open(files[0]), masa_data.open(files)
    assert "clips: 6 clips, 24 frames" in repr(tracks)
    assert "glosses: 2 (apple, book)" in repr(tracks)
    assert "splits: train 4, test 2" in repr(tracks)
    assert f"files: {files[0]}, {files[1]}" in repr(dataset)
    for shown in (tracks, dataset):
        page = ElementTree.fromstring(shown._repr_html_())
        assert "apple/1" in "".join(page.itertext())
    page = ElementTree.fromstring(dataset._repr_html_())
    assert not list(page.iter("i"))
    assert "<i>&" in "".join(page.itertext())
    tracks.close()
    assert repr(tracks) == "<PoseShards: closed>"
    assert "closed" in "".join(ElementTree.fromstring(tracks._repr_html_()).itertext())
