import pytest

from masa_data import DataError, PoseDataset
from masa_data.shards.builder import DatasetBuilder
from masa_data.shards.quantize import quantize
from masa_data.shards.writer import write_shard
from masa_data.tracks.provenance import Sampling
from tests.conftest import make_track

WLASL = [
    make_track(f"{label:05d}", 2 + label % 3, corpus="wlasl", gloss=f"g{label}", label=label, split=split)
    for label in (0, 99, 100, 299, 300, 1999)
    for split in ("train",)
] + [make_track("t", corpus="wlasl", gloss="g0", label=0, split="test", signer="7")]
OTHERS = [
    make_track("t", corpus="nmfs-csl", label=609, split="train"),
    make_track("u", corpus="nmfs-csl", label=610, split="train"),
    make_track("v", corpus="msasl", label=0, split="val", signer="7"),
    make_track("w", corpus="folder"),
]


@pytest.fixture
def files(tmp_path, provenance):
    for name, tracks in (("a.h5", WLASL), ("b.h5", OTHERS)):
        write_shard(tmp_path / name, provenance, map(quantize, tracks), sum(map(len, tracks)))
    return tmp_path / "a.h5", tmp_path / "b.h5"


@pytest.mark.parametrize(
    ("selection", "ids"),
    [
        ({}, [track.info.id for track in WLASL + OTHERS]),
        ({"subset": "wlasl100"}, ["00000", "00099", "t"]),
        ({"subset": "wlasl300"}, ["00000", "00099", "00100", "00299", "t"]),
        ({"subset": "wlasl2000", "splits": ["test"]}, ["t"]),
        ({"subset": "msasl100"}, ["v"]),
        ({"subset": "confusing"}, ["t"]),
        ({"subset": "normal"}, ["u"]),
        ({"subset": "normal", "variants": {"normal": {609}}}, ["t"]),
        ({"signers": ["7"]}, ["t", "v"]),
        ({"corpora": ["folder", "msasl"]}, ["v", "w"]),
        ({"splits": [""]}, ["w"]),
    ],
)
def test_a_view_selects_by_what_is_known(files, selection, ids):
    dataset = PoseDataset.open(*files, **selection)
    assert [dataset.info(number).id for number in range(len(dataset))] == ids
    assert [len(track) for track in dataset] == dataset.lengths.tolist()


def test_classes_of_different_corpora_never_mix(files):
    dataset = PoseDataset.open(*files)
    classes, places = dataset.classes()
    assert {("wlasl", 0), ("msasl", 0)} <= {one.key for one in classes}
    by_id = {(info.corpus, info.id): info for info in map(dataset.info, range(len(dataset)))}
    assert len(by_id) == len(dataset)
    for number, place in enumerate(places.tolist()):
        info = dataset.info(number)
        assert (classes[place].key == (info.corpus, info.label)) if place >= 0 else info.label == -1
    assert dataset.shares() == {
        "wlasl": 7 / 11,
        "nmfs-csl": 2 / 11,
        "msasl": 1 / 11,
        "folder": 1 / 11,
    }


def test_an_unknown_subset_names_the_nearest(files):
    with pytest.raises(DataError, match=r"there is no subset 'wlasl10'\. Did you mean wlasl100"):
        PoseDataset.open(*files, subset="wlasl10")


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        ({"splits": "train"}, r"found the text 'train' as splits.*Write splits=\['train'\]"),
        ({"corpora": "wlasl"}, r"found the text 'wlasl' as corpora"),
        ({"signers": "7"}, r"found the text '7' as signers"),
        ({"splits": ["train", "tset"]}, "no clip can be of split 'tset'. Did you mean 'test'"),
        ({"splits": ["validation"]}, "Did you mean 'val'"),
        ({"corpora": ["wlasl", "msals"]}, "no clip is of corpus 'msals'. Did you mean 'msasl'"),
        ({"signers": ["Anna"]}, "no clip is of signer 'Anna'. Did you mean '7'"),
        ({"subset": "slr500"}, "there is no subset 'slr500'"),
    ],
)
def test_a_name_that_nothing_has_is_an_error_that_names_the_nearest(files, selection, message):
    with pytest.raises(DataError, match=message):
        PoseDataset.open(*files, **selection)


def test_names_that_are_there_but_in_other_clips_choose_nothing(files):
    assert len(PoseDataset.open(files[1], splits=["test"])) == 0
    assert len(PoseDataset.open(*files, splits=[])) == 0
    assert len(PoseDataset.open(*files, splits=["none"])) == 1
    with pytest.raises(
        DataError, match="no clip is of subset wlasl100; the files contain the corpora folder"
    ):
        PoseDataset.open(files[1], subset="wlasl100")


def test_files_made_differently_are_not_joined(files, tmp_path, provenance):
    other = provenance.model_copy(update={"sampling": Sampling(every=2)})
    write_shard(tmp_path / "c.h5", other, map(quantize, WLASL), sum(map(len, WLASL)))
    with pytest.raises(DataError, match="sampling every: 1 / 2"):
        PoseDataset.open(files[0], tmp_path / "c.h5")


@pytest.mark.parametrize("names", [["*"], ["out.h5", "out-00001.h5"], ["out-00000.h5", "out.h5", "out.h5"]])
def test_shards_named_beside_their_index_count_once(tmp_path, provenance, names):
    with DatasetBuilder(tmp_path / "out.h5", provenance, shard_clips=3) as builder:
        for track in WLASL:
            builder.add(track)
        builder.finish([track.info.id for track in WLASL])
    given = sorted(tmp_path.glob("*.h5")) if names == ["*"] else [tmp_path / name for name in names]
    assert len(given) >= 2
    dataset = PoseDataset.open(*given)
    assert sorted(dataset.column("id").tolist()) == sorted(track.info.id for track in WLASL)


def test_a_shard_without_its_index_is_a_file_as_any_other(tmp_path, files, provenance):
    with DatasetBuilder(tmp_path / "out.h5", provenance, shard_clips=3) as builder:
        for track in WLASL:
            builder.add(track)
        builder.finish([track.info.id for track in WLASL])
    dataset = PoseDataset.open(tmp_path / "out-00000.h5", files[1], tmp_path / "x" / ".." / "out-00000.h5")
    assert len(dataset) == 3 + len(OTHERS)
