import os
from pathlib import Path

import pytest

from masa_data.disk.new_files import append_line, new_file, write_whole
from tests.small_disk import fill, small_disk


def test_a_file_stands_under_its_name_only_when_it_is_whole(tmp_path):
    target = tmp_path / "a.html"
    write_whole(target, "old ünicode \ud800")
    assert target.read_text(encoding="utf-8") == "old ünicode ?"
    with pytest.raises(FileNotFoundError), new_file(target) as temporary:
        temporary.with_name("absent").rename(temporary)
    assert target.read_text(encoding="utf-8") == "old ünicode ?"
    assert list(tmp_path.iterdir()) == [target]
    with new_file(target, keep_ending=True) as temporary:
        assert temporary.suffix == ".html"
        temporary.write_text("new")
        assert target.read_text(encoding="utf-8") == "old ünicode ?"
    assert target.read_text() == "new"


def test_a_link_keeps_leading_to_its_file(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_whole(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_the_longest_name_that_a_file_can_have(tmp_path):
    target = tmp_path / ("é" * 125 + ".html")  # 255 bytes
    write_whole(target, "x")
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("name", ["/dev/null", "/dev/stdout"])
def test_a_device_is_written_to_and_stays_one(name, capfd):
    before = os.lstat(name)
    write_whole(Path(name), "through")
    assert os.lstat(name).st_ino == before.st_ino
    assert ("through" in capfd.readouterr().out) == (name == "/dev/stdout")


def test_a_full_disk_leaves_what_was_there_and_nothing_else(tmp_path):
    with small_disk(tmp_path / "disk", 256) as disk:
        write_whole(disk / "page", b"old")
        append_line(disk / "lines", "first")
        fill(disk, 8)
        with pytest.raises(OSError, match="No space left"):
            write_whole(disk / "page", b"\1" * 100_000)
        with pytest.raises(OSError, match="No space left"):
            append_line(disk / "lines", "x" * 100_000)
        assert (disk / "page").read_bytes() == b"old"
        assert (disk / "lines").read_text() == "first\n"
        assert {path.name for path in disk.iterdir()} == {"filler", "lines", "page"}
        assert os.statvfs(disk).f_bavail * os.statvfs(disk).f_bsize >= 8192
