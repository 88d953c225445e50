"""`masa-inspect --html` in a real Chromium: nothing is asked of anybody, the search works, skeletons move."""

import json
import time
from dataclasses import replace

import numpy as np
import pytest

from masa_data.shards.quantize import quantize
from masa_data.shards.writer import write_shard
from tests.browser import NAMES, Page, find_chromium
from tests.made_signer import clip, signing

HOSTILE = "</script><script>document.title='broken'</script><img src=x onerror=\"document.title='broken'\">"
GLOSSES = ["book", "Bücher", "cookbook", "", HOSTILE, "tea"]
PICTURE = "document.querySelector('{}').toDataURL()"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    program = find_chromium()
    if program is None:
        pytest.skip(
            f"no Chromium at hand: none of {', '.join(NAMES)} is on the PATH, nor does CHROMIUM name one"
        )
    page = Page(program, tmp_path_factory.mktemp("chromium"))
    yield page
    page.close()


@pytest.fixture
def report(page, tmp_path, provenance, run):
    """The report of six clips, opened in the browser."""
    tracks = [
        clip(
            signing(seed=number),
            f"{number}/{gloss}",
            gloss=gloss,
            label=number,
            corpus="c & d",
            split="train",
        )
        for number, gloss in enumerate(GLOSSES)
    ]
    tracks[1] = clip(signing(seed=0) / 2, "copy", gloss="Bücher", label=1, corpus="c & d", split="test")
    tracks[5] = replace(tracks[5], info=replace(tracks[5].info, several_people=True))
    write_shard(tmp_path / "a.h5", provenance, map(quantize, tracks), sum(map(len, tracks)))
    done = run("masa-inspect", tmp_path / "a.h5", "--html", tmp_path / "deep" / "report.html")
    assert done.stdout == f"Wrote {tmp_path / 'deep' / 'report.html'}: open it in a browser\n"
    page.prefer(prefers_reduced_motion="no-preference", prefers_color_scheme="light")
    page.open(tmp_path / "deep" / "report.html")
    return page


def look_for(page, text):
    """Type into the search box as a person does; the answer that is read out, and the glosses found."""
    page.evaluate("document.getElementById('query').focus(); document.getElementById('query').select()")
    page.type(text)
    time.sleep(0.3)
    said = page.evaluate("document.getElementById('found').textContent")
    found = page.evaluate("[...document.querySelectorAll('#results h3')].map((h) => h.textContent)")
    return said, found


def test_it_loads_without_an_error_and_asks_nothing_of_anybody(report):
    assert report.evaluate("document.querySelectorAll('canvas').length") == 3
    report.evaluate("document.querySelector('canvas').scrollIntoView()")
    look_for(report, "b")
    time.sleep(0.5)
    assert report.complaints() == []
    assert [address.rpartition("/")[2] for address in report.requests()] == ["report.html"]


def test_hostile_texts_are_shown_and_not_run(report):
    said, found = look_for(report, "</script>")
    assert (said, found) == ("1 gloss found", [HOSTILE])
    assert report.evaluate("document.title") == "a.h5: pose tracks"
    assert report.evaluate("document.querySelectorAll('script, img').length") == 2
    assert report.complaints() == []


def test_the_policy_stops_what_was_not_written_here(report):
    report.evaluate(
        "void document.body.append(Object.assign(document.createElement('script'), "
        "{textContent: 'document.title = \"broken\"'}))"
    )
    report.evaluate(
        "void document.body.append(Object.assign(new Image(), {src: 'https://example.org/a.png'}))"
    )
    time.sleep(0.2)
    assert report.evaluate("document.title") == "a.h5: pose tracks"
    assert "Content Security Policy" in json.dumps(report.complaints())


def test_the_search_finds_beginnings_first_whatever_case_and_accent(report):
    assert look_for(report, "BOOK") == ("2 glosses found", ["book", "cookbook"])
    assert look_for(report, "bucher") == ("1 gloss found", ["Bücher"])
    assert look_for(report, "zebra") == ("No glosses found", [])
    assert report.evaluate("document.getElementById('found').getAttribute('aria-live')") == "polite"
    look_for(report, "book")
    text = report.evaluate("document.querySelector('#results li').innerText")
    assert "c & d: train 1" in text
    assert "0/book" in text
    report.press("Enter", 13)
    assert report.evaluate("location.href").endswith("report.html")


def test_skeletons_move_until_the_button_is_pressed(report):
    look_for(report, "tea")
    for place in ("#look canvas", "#results canvas"):
        picture = PICTURE.format(place)
        report.evaluate(f"document.querySelector('{place}').scrollIntoView()")
        blank = report.evaluate(
            "(() => { const c = document.createElement('canvas'); c.width = c.height = 240;"
            " return c.toDataURL(); })()"
        )
        report.wait_for(f"{picture} !== {json.dumps(blank)}")
        first = report.evaluate(picture)
        report.wait_for(f"{picture} !== {json.dumps(first)}")
    report.evaluate("document.getElementById('motion').click()")
    time.sleep(0.2)
    still = report.evaluate(PICTURE.format("#results canvas"))
    time.sleep(0.4)
    assert report.evaluate(PICTURE.format("#results canvas")) == still
    assert report.evaluate("document.getElementById('motion').getAttribute('aria-pressed')") == "false"


def test_nothing_moves_where_less_motion_is_wanted(report, tmp_path):
    report.prefer(prefers_reduced_motion="reduce")
    report.open(tmp_path / "deep" / "report.html")
    report.evaluate("document.querySelector('canvas').scrollIntoView()")
    time.sleep(0.4)
    first = report.evaluate(PICTURE.format("canvas"))
    time.sleep(0.4)
    assert report.evaluate(PICTURE.format("canvas")) == first
    drawn = (
        "document.querySelector('canvas').getContext('2d').getImageData(0, 0, 240, 240).data.some((v) => v)"
    )
    assert report.evaluate(drawn)
    report.evaluate("document.getElementById('motion').click()")
    report.wait_for(f"{PICTURE.format('canvas')} !== {json.dumps(first)}")


@pytest.mark.parametrize(("system", "other"), [("light", "dark"), ("dark", "light")])
def test_the_theme_follows_the_system_and_the_button(report, tmp_path, system, other):
    ground = "getComputedStyle(document.body).backgroundColor"
    grounds = {"light": "rgb(255, 255, 255)", "dark": "rgb(22, 24, 26)"}
    report.prefer(prefers_color_scheme=system)
    report.open(tmp_path / "deep" / "report.html")
    pressed = "document.getElementById('theme').getAttribute('aria-pressed')"
    assert report.evaluate(ground) == grounds[system]
    assert report.evaluate(pressed) == str(system == "dark").lower()
    report.evaluate("document.getElementById('theme').click()")
    assert report.evaluate(ground) == grounds[other]
    assert report.evaluate(pressed) == str(other == "dark").lower()


def test_everything_is_within_reach_of_the_keyboard(report):
    reached = []
    for _ in range(60):
        report.press("Tab", 9)
        reached.append(
            report.evaluate("(document.activeElement.innerText || document.activeElement.id).split('\\n')[0]")
        )
        outline = report.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none" or report.evaluate("document.activeElement === document.body")
    assert reached[:3] == ["Skip to the content", "Skeletons move", "Dark page"]
    assert "query" in reached
    assert "Frames per clip: the numbers" in reached
    opened = "[...document.querySelectorAll('details')].filter((d) => d.open).length"
    report.evaluate("document.querySelector('summary').focus()")
    report.press("Enter", 13)
    assert report.evaluate(opened) == 1


def test_a_screen_reader_finds_landmarks_and_a_name_for_everything(report):
    look_for(report, "book")
    report.call("Accessibility.enable")
    nodes = report.call("Accessibility.getFullAXTree")["nodes"]
    roles = {}
    for node in nodes:
        if not node["ignored"]:
            role, name = node["role"]["value"], node.get("name", {}).get("value", "")
            roles.setdefault(role, []).append(name)
    for landmark in ("banner", "main", "navigation", "search", "contentinfo"):
        assert landmark in roles, landmark
    for role in ("button", "searchbox", "image", "region", "link", "heading", "DisclosureTriangle"):
        assert all(roles.get(role, [""])), role
    assert roles["searchbox"] == ["Gloss"]
    charts = report.evaluate("document.querySelectorAll('svg').length")
    assert report.evaluate("document.querySelectorAll('figure table').length") == charts
    assert report.evaluate("document.documentElement.lang") == "en"


@pytest.mark.slow
def test_twenty_thousand_clips(page, tmp_path, provenance, run):
    """`pytest -s -m slow -k twenty_thousand` prints the figures of docs/inspect.md."""
    kinds = [quantize(clip(signing(40, seed=seed), corpus="big")) for seed in range(50)]

    chance = np.random.default_rng(0)

    def tracks():
        for number in range(20_000):
            kind = kinds[number % 50]
            # Every signer is built a little differently, or all would be copies of each other.
            built = chance.normal(0, 800, (49, 2)).astype(np.int64)
            kind = replace(kind, positions=(kind.positions + built).astype(np.uint16))
            facts = {"id": f"folder/{number:05}", "gloss": f"gloss {number % 2000}", "label": number % 2000}
            split = ("train", "train", "train", "val", "test")[number // 2000 % 5]
            yield replace(kind, info=replace(kind.info, **facts, split=split))

    write_shard(tmp_path / "a.h5", provenance, tracks(), 20_000 * 40)
    start = time.monotonic()
    run("masa-inspect", tmp_path / "a.h5", "--html", tmp_path / "a.html")
    made = time.monotonic() - start
    megabytes = (tmp_path / "a.html").stat().st_size / 1e6
    page.open(tmp_path / "a.html")
    loaded = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd") / 1000
    before = page.evaluate("performance.now()")
    said, found = look_for(page, "gloss 19")
    searched = (page.evaluate("performance.now()") - before) / 1000 - 0.3
    print(f"20,000 clips: made in {made:.1f} s, {megabytes:.1f} MB, loaded in {loaded:.2f} s, ")
    print(f"searched in {searched:.2f} s")
    assert said == "111 glosses found, the first 12 are shown"
    assert len(found) == 12
    assert page.complaints() == []
    assert megabytes < 15
    assert loaded < 2
