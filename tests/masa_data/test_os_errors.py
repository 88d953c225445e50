import errno
import os

import h5py
import pytest

from masa_data.disk.os_errors import in_words


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "Free space"),
        (errno.EDQUOT, "quota"),
        (errno.EACCES, "permissions"),
        (errno.EPERM, "permissions"),
        (errno.EROFS, "read-only"),
        (errno.ENOLCK, "locks"),
        (errno.EIO, "dmesg"),
        (errno.EMFILE, "ulimit"),
        (errno.ENAMETOOLONG, "shorter"),
        (errno.ENOENT, "path"),
        (errno.ESTALE, "mount"),
        (errno.ENOEXEC, "log"),  # not in the table
    ],
)
def test_each_error_has_its_own_advice(number, advice):
    said = in_words(OSError(number, os.strerror(number), "/data/a.h5"))
    assert advice in said.advice
    assert said.reason == f"/data/a.h5: {os.strerror(number)}"
    assert ("space" in said.advice) == (number in (errno.ENOSPC, errno.EDQUOT))


def test_a_library_s_complaint_about_a_file_is_not_a_full_disk(tmp_path):
    path = tmp_path / "a.h5"
    path.write_bytes(b"no HDF5")
    with pytest.raises(OSError, match="file signature") as caught:
        h5py.File(path)
    said = in_words(caught.value, path)
    assert "damaged" in said.advice
    assert said.reason.startswith(f"{path}: ")
    assert "\n" not in str(said)
    assert "damaged" in in_words(OSError("cannot\nidentify image file"), "x").advice
    assert in_words(TimeoutError()).advice.startswith("Check the network")


def test_what_the_system_itself_says(tmp_path):
    with pytest.raises(OSError, match="File name too long") as caught:
        (tmp_path / ("x" * 300)).write_text("")
    assert "shorter" in in_words(caught.value).advice
    with pytest.raises(OSError, match="Is a directory") as caught:
        tmp_path.write_text("")
    assert str(in_words(caught.value)) == f"{tmp_path}: Is a directory. This is a folder: give a file."
