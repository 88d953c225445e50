"""npz files of clips: what is read, and files that lie."""

import io
import zipfile

import numpy as np
import pytest

from masa_data.errors import DataError
from masa_data.formats.frame_facts import AssumedFrames
from masa_data.formats.npz.reading import NpzClips

FRAMES = AssumedFrames(200, 100, 25)


def arrays(**changes):
    kp49 = np.random.default_rng(0).uniform(-0.1, 1.1, (10, 49, 3)).astype(np.float32)
    kp49[..., 2] = np.clip(kp49[..., 2], 0, 1)
    facts = {
        "kp49": kp49,
        "offsets": np.array([0, 4, 10]),
        "label": np.array(["me/signs:book", "me/signs:tea"]),
        "split": np.array(["train", "test"]),
        "signer": np.array(["me/unknown", "me/Ann"]),
    }
    return {name: value for name, value in (facts | changes).items() if value is not None}


def write(tmp_path, **changes):
    path = tmp_path / "clips.npz"
    np.savez_compressed(path, **arrays(**changes))
    return path


def outcomes(path):
    with NpzClips(path, "signs") as clips:
        return list(clips.tracks(FRAMES))


def test_shares_become_pixels_and_labels_stay_whole(tmp_path):
    first, second = (outcome.track for outcome in outcomes(write(tmp_path)))
    expected = arrays()["kp49"]
    known = expected[:4, :, 2] > 0
    np.testing.assert_allclose(
        first.keypoints[known], (expected[:4, :, :2] * (200, 100))[known], rtol=0, atol=1e-4
    )
    np.testing.assert_array_equal(first.confidence, expected[:4, :, 2])
    assert (first.info.id, second.info.id) == ("clips/00000", "clips/00001")
    assert (first.info.gloss, second.info.gloss) == ("me/signs:book", "me/signs:tea")
    assert (first.info.signer, second.info.signer) == ("", "me/Ann")
    assert (first.info.split, second.info.split) == ("train", "test")
    assert second.time[-1] == pytest.approx(5 / 25)
    assert len(second) == 6


def test_splits_and_signers_may_be_absent(tmp_path):
    found = outcomes(write(tmp_path, split=None, signer=None))
    assert [(outcome.track.info.split, outcome.track.info.signer) for outcome in found] == [("", "")] * 2


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (np.array([10, 2]), [(10, ""), (2, "")]),
        (np.array([10, 2], np.uint8), [(10, ""), (2, "")]),
        (
            np.array([10.0, np.nan]),
            [(-1 if number != number else int(number), "") for number in (10.0, np.nan)],
        ),
        (np.array(["10.0", "2"]), [(10, ""), (2, "")]),
        (np.array(["10", "tea"]), [(-1, "10"), (-1, "tea")]),
    ],
)
def test_labels_may_be_numbers(tmp_path, labels, expected):
    found = [outcome.track.info for outcome in outcomes(write(tmp_path, label=labels))]
    assert [(info.label, info.gloss) for info in found] == expected


def test_numbers_may_have_glosses_and_clips_their_ids(tmp_path):
    names = {"gloss": np.array(["book", "tea"]), "video_id": np.array([69241, 7])}
    found = [outcome.track.info for outcome in outcomes(write(tmp_path, label=np.array([3, 1]), **names))]
    assert [(info.id, info.label, info.gloss) for info in found] == [("69241", 3, "book"), ("7", 1, "tea")]
    found = [outcome.track.info for outcome in outcomes(write(tmp_path, **names))]
    assert [info.gloss for info in found] == ["me/signs:book", "me/signs:tea"]


def test_one_wrong_clip_does_not_cost_the_others(tmp_path):
    kp49 = arrays()["kp49"]
    kp49[5, 3, 2] = 7
    first, second = outcomes(write(tmp_path, kp49=kp49))
    assert first.track is not None
    assert "confidence spans" in second.problems[0].reason
    first, second = outcomes(write(tmp_path, split=np.array(["dev", "sometimes"])))
    assert first.track.info.split == "val"
    assert "sometimes" in second.problems[0].reason


def test_keypoints_that_are_no_numbers_are_missing(tmp_path):
    kp49 = arrays()["kp49"]
    kp49[..., 2] = 1
    kp49[0, 0] = np.nan
    kp49[0, 1, 0] = np.inf
    first, second = outcomes(write(tmp_path, kp49=kp49))
    assert "2 of 196 keypoints are not finite" in first.problems[0].reason
    assert np.flatnonzero(first.track.confidence[0] == 0).tolist() == [0, 1]
    assert second.problems == ()


WRONG = {
    "no labels": ({"label": None}, "no `label`"),
    "no keypoints": ({"kp49": None}, "no `kp49`"),
    "objects": ({"label": np.array(["a", None], dtype=object)}, "object"),
    "133 keypoints": ({"kp49": np.zeros((10, 133, 3))}, r"shape \(10, 133, 3\)"),
    "integers": ({"kp49": np.zeros((10, 49, 3), int)}, "type int64"),
    "columns first": ({"kp49": np.asfortranarray(np.zeros((10, 49, 3)))}, "plain"),
    "offsets too long": ({"offsets": np.array([0, 4, 11])}, "do not span"),
    "offsets going back": ({"offsets": np.array([0, 12, 10])}, "clips of -2"),
    "offsets empty": ({"offsets": np.array([], int)}, "do not span"),
    "offsets in a table": ({"offsets": np.array([[0, 10]])}, "do not span"),
    "numbers of no class": ({"label": np.array([-7, 3])}, "expected a number from 0"),
    "labels too few": ({"label": np.array(["a"])}, "one text for each"),
    "text that cannot be written": ({"label": np.array(["a\0b", "c"])}, "valid Unicode"),
    "half a character": ({"label": np.array(["a\ud800", "c"])}, "valid Unicode"),
}


@pytest.mark.parametrize("name", WRONG)
def test_other_content_is_refused_in_one_line(tmp_path, name):
    changes, expected = WRONG[name]
    with pytest.raises(DataError, match=expected) as error:
        outcomes(write(tmp_path, **changes))
    assert "\n" not in str(error.value)


def npy(header_shape, data, dtype="<f4"):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        file, {"descr": dtype, "fortran_order": False, "shape": header_shape}
    )
    return file.getvalue() + data


@pytest.mark.parametrize("shape", [(10**12, 49, 3), (10**18, 49, 3), (-1, 49, 3), (9, 49, 3)])
def test_a_header_that_promises_other_than_there_is_makes_nothing(tmp_path, shape):
    path = write(tmp_path, kp49=None)
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("kp49.npy", npy(shape, bytes(10 * 49 * 3 * 4)))
    with pytest.raises(DataError, match="found `kp49` of shape"):
        outcomes(path)


def test_every_kind_of_damage_ends_in_one_line(tmp_path):
    path = write(tmp_path)
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    broken = [content[:end] for end in range(0, len(content), 97)]
    for _ in range(200):
        flipped = bytearray(content)
        flipped[rng.integers(len(content))] ^= int(rng.integers(1, 256))
        broken.append(bytes(flipped))
    for data in (b"", b"hello", *broken):
        path.write_bytes(data)
        try:
            found = outcomes(path)
        except DataError as error:
            problems = [str(error)]
        else:
            problems = [problem.reason for outcome in found for problem in outcome.problems]
        assert all("\n" not in problem for problem in problems)
