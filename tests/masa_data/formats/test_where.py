"""Conditions, beside the same written in Python."""

import math
import unicodedata

import pytest

from masa_data.editing.conditions import Condition, mask_of
from masa_data.errors import DataError
from tests.conftest import make_track

TRACKS = [
    make_track("book/1", 4, gloss="book", label=0, split="train", signer="Ann", fps=25.0),
    make_track("book/2", 9, gloss="book", label=0, split="test", signer="Ben", fps=50.0),
    make_track("tea/1", 5, gloss="tea", label=1, split="train", several_people=True, fps=float("nan")),
    make_track("x", 1, gloss="a=b", width=1920, height=1080),
]


@pytest.mark.parametrize(
    ("text", "python"),
    [
        ("split=train", lambda track: track.info.split == "train"),
        ("split=", lambda track: track.info.split == ""),
        ("gloss=book,tea", lambda track: track.info.gloss in ("book", "tea")),
        ("gloss!=book,tea", lambda track: track.info.gloss not in ("book", "tea")),
        ("gloss=a=b", lambda track: track.info.gloss == "a=b"),
        ("id~book/*", lambda track: track.info.id.startswith("book/")),
        ("id~*/1", lambda track: track.info.id.endswith("/1")),
        ("label=0", lambda track: track.info.label == 0),
        ("label!=0,1", lambda track: track.info.label not in (0, 1)),
        ("label>=0", lambda track: track.info.label >= 0),
        ("frames>=5", lambda track: len(track) >= 5),
        ("frames<5", lambda track: len(track) < 5),
        (" frames <= 5", lambda track: len(track) <= 5),
        ("frames>5", lambda track: len(track) > 5),
        ("fps=25", lambda track: track.info.fps == 25),
        ("fps>0", lambda track: track.info.fps > 0),
        ("fps!=25", lambda track: math.isnan(track.info.fps) or track.info.fps != 25),
        ("several_people=true", lambda track: track.info.several_people),
        ("several_people=0", lambda track: not track.info.several_people),
        ("width>640", lambda track: track.info.width > 640),
        ("end<=4", lambda track: track.info.end <= 4),
        ("path~videos/tea*", lambda track: track.info.path.startswith("videos/tea")),
    ],
)
def test_conditions_choose_what_python_chooses(write, text, python):
    tracks = write(*TRACKS)
    assert mask_of(tracks, (Condition.parse(text),)).tolist() == list(map(python, TRACKS))


def test_several_conditions_must_all_hold(write):
    conditions = tuple(map(Condition.parse, ("split=train", "frames>4")))
    assert mask_of(write(*TRACKS), conditions).tolist() == [False, False, True, False]
    assert mask_of(write(*TRACKS), ()).all()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("split", "expected FIELD=VALUE"),
        ("=train", "expected FIELD=VALUE"),
        ("", "expected FIELD=VALUE"),
        ("glos=book", r"no field 'glos'\. Did you mean gloss"),
        ("clamped>3", "no field 'clamped'"),
        ("gloss>book", "cannot be compared"),
        ("label~1*", "cannot match a pattern"),
        ("label=one", "found 'one' for label, expected a number"),
        ("frames>=", "found '' for frames"),
    ],
)
def test_other_conditions_are_refused_in_one_line(write, text, expected):
    with pytest.raises(DataError, match=expected) as error:
        Condition.parse(text).mask(write(*TRACKS))
    assert "\n" not in str(error.value)


def test_a_text_that_no_clip_has_is_told(write):
    tracks = write(
        make_track("a", gloss="caf\u00e9", split="train"), make_track("b", gloss="tea", split="test")
    )

    def unmet(text):
        return Condition.parse(text).unmet(tracks)

    assert unmet("split=train,tset") == ["no clip has the split 'tset'; did you mean 'test'?"]
    assert unmet("gloss=tea,quark") == ["no clip has the gloss 'quark'"]
    assert unmet("gloss!=tae") == ["no clip has the gloss 'tae'; did you mean 'tea'?"]
    assert unmet("split=train") == unmet("frames=77") == unmet("gloss~q*") == []
    condition = Condition.parse("gloss=" + unicodedata.normalize("NFD", "caf\u00e9"))
    assert condition.mask(tracks).tolist() == [True, False]
