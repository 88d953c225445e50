"""Files of corpora are fetched from a server on this machine, which can break off and lie."""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from click.testing import CliRunner

from cli.corpus import main
from masa_data.corpora.fetching import fetch_files, zenodo_files
from masa_data.corpora.named import CORPORA
from masa_data.corpora.origins import ORIGINS, Origin, RemoteFile
from masa_data.errors import DataError

pytest.importorskip("pooch", reason="pooch is not installed (pip install 'masa-slr[fetch]')")

CONTENT = bytes(range(256)) * 4096  # 1 MiB


class Server(ThreadingHTTPServer):
    """Serves `files`; breaks off once after `break_after` bytes; keeps the ranges that were asked for."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {}
        self.break_after = None
        self.asked = []
        self.base = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        asked = self.headers.get("Range")
        server.asked.append(asked)
        content = server.files.get(self.path.partition("?")[0])
        if content is None:
            self.send_error(404)
            return
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        if start >= len(content) > 0:
            self.send_error(416)
            return
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(content) - start))
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        end, server.break_after = server.break_after, None
        self.wfile.write(content[start:end])

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with Server() as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def remote(server, name="list.csv", content=CONTENT):
    server.files[f"/{name}"] = content
    return RemoteFile(f"{server.base}/{name}", f"sha256:{hashlib.sha256(content).hexdigest()}", name)


def test_a_broken_download_continues(server, tmp_path):
    file = remote(server)
    server.break_after = 300_000
    with pytest.raises(DataError, match=r"expected the file\. Run the same command again: it continues"):
        fetch_files([file], tmp_path / "new")
    kept = (tmp_path / "new/list.csv.part").stat().st_size
    assert 300_000 - 65_536 <= kept <= 300_000
    assert fetch_files([file], tmp_path / "new") == [tmp_path / "new/list.csv"]
    assert server.asked == [None, f"bytes={kept}-"]
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["list.csv"]
    assert (tmp_path / "new/list.csv").read_bytes() == CONTENT
    fetch_files([file], tmp_path / "new")
    assert len(server.asked) == 2  # a complete file is not asked for again


def test_a_part_that_is_complete_already_is_taken(server, tmp_path):
    (tmp_path / "list.csv.part").write_bytes(CONTENT)
    fetch_files([remote(server)], tmp_path)
    assert (tmp_path / "list.csv").read_bytes() == CONTENT


def test_another_content_is_refused_and_not_kept(server, tmp_path):
    file = remote(server)
    server.files["/list.csv"] = CONTENT[:-1] + b"!"
    with pytest.raises(DataError, match="found another content than expected"):
        fetch_files([file], tmp_path)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "list.csv").write_text("my own")
    with pytest.raises(DataError, match="Move it away, or keep your file"):
        fetch_files([file], tmp_path)
    assert (tmp_path / "list.csv").read_text() == "my own"


def test_a_file_that_is_gone_costs_one_line(server, tmp_path):
    with pytest.raises(DataError, match="found the answer 404, expected the file"):
        fetch_files([RemoteFile(f"{server.base}/gone", "md5:" + "0" * 32, "gone")], tmp_path)
    with pytest.raises(DataError, match="found ConnectionError, expected the file"):
        fetch_files([RemoteFile("http://127.0.0.1:9/gone", "md5:" + "0" * 32, "gone")], tmp_path)


def zenodo(server, **change):
    digest = hashlib.md5(CONTENT).hexdigest()  # Zenodo's own checksum
    row = {"key": "Animals 1of2.zip", "size": len(CONTENT), "checksum": f"md5:{digest}"} | change
    server.files["/api/records/17"] = json.dumps({"files": [row]}).encode()
    server.files["/records/17/files/Animals%201of2.zip"] = CONTENT


def test_archives_of_zenodo_are_checked_by_its_own_checksums(server, tmp_path):
    zenodo(server)
    (path,) = fetch_files(zenodo_files(17, server.base), tmp_path)
    assert path == tmp_path / "Animals 1of2.zip"
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"key": "../../.bashrc"}, "expected a plain name and an MD5"),
        ({"key": ".bashrc"}, "expected a plain name and an MD5"),
        ({"checksum": "md5:x"}, "expected a plain name and an MD5"),
        ({"checksum": None}, "found None as `checksum`, expected a text"),
    ],
)
def test_a_hostile_record_is_refused(server, change, expected):
    zenodo(server, **change)
    with pytest.raises(DataError, match=expected):
        zenodo_files(17, server.base)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"files": 3}', b"{" * 100_000])
def test_a_record_that_is_none_costs_one_line(server, content):
    server.files["/api/records/17"] = content
    with pytest.raises(DataError, match="found"):
        zenodo_files(17, server.base)


def test_the_command_says_where_in_three_lines_and_fetches(server, tmp_path, monkeypatch):
    for name in CORPORA:
        said = CliRunner().invoke(main, ["get", name])
        assert said.exit_code == 0
        assert [line[:6] for line in said.stdout.splitlines()] == ["Where:", "Terms:", "Then: "]
    origin = Origin("here", "none", "nothing", (remote(server, "a.csv"), remote(server, "b.csv")))
    monkeypatch.setitem(ORIGINS, "gsl", origin)
    done = CliRunner().invoke(main, ["get", "gsl", "--to", str(tmp_path)])
    assert done.exit_code == 0
    assert done.stdout.splitlines()[3:] == [f"Complete: {tmp_path}/a.csv", f"Complete: {tmp_path}/b.csv"]
    for arguments, expected in (
        (["wlasl", "--to", str(tmp_path)], "no file of wlasl may be fetched"),
        (["gsl", "--to", str(tmp_path), "--videos"], "the videos of gsl may not be fetched"),
        (["gsl", "--videos"], "--videos has no effect without --to"),
    ):
        refused = CliRunner().invoke(main, ["get", *arguments])
        assert refused.exit_code == 2
        assert expected in refused.stderr


def test_the_recorded_checksums_are_those_of_the_real_lists(shared_data):
    for name in ("autsl", "include", "lsa64", "gsl"):
        for file in ORIGINS[name].lists:
            content = (shared_data / f"annotations_{name}" / file.name).read_bytes()
            assert file.checksum == f"sha256:{hashlib.sha256(content).hexdigest()}"
            assert file.url.endswith(f"/{file.name}")
