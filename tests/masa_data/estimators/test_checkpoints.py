from __future__ import annotations

import hashlib
import http.server
import threading

import pytest

from masa_data.errors import DataError
from masa_data.estimators.checkpoints import cached_path, find_checkpoint, published_hash

CONTENT = b"weights" * 1000
HASH = hashlib.sha256(CONTENT).hexdigest()[:8]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def server():
    """A web server whose files can be set; yields its address, its files, and the paths asked for."""
    files: dict[str, bytes] = {}
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            if self.path not in files:
                self.send_error(404)
                return
            content = files[self.path]
            self.send_response(200)
            self.send_header("Content-Length", str(len(content) + (100 if "cut" in self.path else 0)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}", files, asked
        running.shutdown()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("hrnet_w48_coco_wholebody_384x288_dark-f5726563_20200918.pth", "f5726563"),
        ("model-0a1b2c3d.pth", "0a1b2c3d"),
        ("rtmw-dw-x-l_simcc-cocktail14_270e-384x288-20231122.pth", None),  # a date
        ("mine.pth", None),
    ],
)
def test_the_hash_in_a_published_name(name, expected):
    assert published_hash(name) == expected


def test_a_download_is_kept_and_not_repeated(cache, server):
    address, files, asked = server
    files[f"/zoo/model-{HASH}_20200918.pth"] = CONTENT
    first = find_checkpoint(f"{address}/zoo/model-{HASH}_20200918.pth")
    assert first.read_bytes() == CONTENT
    assert first.is_relative_to(cache)
    assert find_checkpoint(f"{address}/zoo/model-{HASH}_20200918.pth") == first
    assert len(asked) == 1


def test_a_file_that_is_not_what_its_name_says_is_not_kept(cache, server):
    address, files, _ = server
    files["/model-00000000_20200918.pth"] = CONTENT
    with pytest.raises(DataError, match=rf"has SHA-256 {HASH}…, but its name contains 00000000…"):
        find_checkpoint(f"{address}/model-00000000_20200918.pth")
    assert {path.suffix for path in cache.rglob("*.*") if path.is_file()} <= {".lock"}


def test_a_download_that_is_cut_short_is_not_kept(cache, server):
    address, files, _ = server
    files["/cut.pth"] = CONTENT
    with pytest.raises(DataError, match=r"only 7,000 of 7,100 bytes"):
        find_checkpoint(f"{address}/cut.pth")
    assert {path.suffix for path in cache.rglob("*.*") if path.is_file()} <= {".lock"}


def test_several_at_once_download_once(cache, server):
    address, files, asked = server
    files["/model.pth"] = CONTENT
    threads = [threading.Thread(target=find_checkpoint, args=(f"{address}/model.pth",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(asked) == 1


def test_an_address_that_is_not_there(cache, server):
    address, _, _ = server
    with pytest.raises(DataError, match="answers 404"):
        find_checkpoint(f"{address}/none.pth")


def test_without_a_network_one_line_says_what_to_do(cache):
    address = "http://127.0.0.1:9/model.pth"  # the discard port: nobody answers
    with pytest.raises(DataError) as caught:
        find_checkpoint(address)
    line = str(caught.value)
    assert "\n" not in line
    assert "checkpoint='FILE'" in line
    assert str(cached_path(address)) in line
    assert "estimator='mediapipe'" in line


@pytest.mark.parametrize(
    "address", ["https://host", "https://host/", "https:///x.pth", "http://host/../../x"]
)
def test_addresses_that_name_no_file(cache, address):
    with pytest.raises(DataError, match="not the address of a file"):
        find_checkpoint(address)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match="there is no checkpoint"):
        find_checkpoint(str(tmp_path / "none.pth"))
