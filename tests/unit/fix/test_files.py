"""Files are written whole, over what was read, and keep what is theirs."""

import hashlib
import os
import stat
import sys
from pathlib import Path

import pytest

from whet.errors import StoreError
from whet.fix.decoding import DecodingError, decode_source, encode_source
from whet.fix.files import replace_file

OLD, NEW = b"x = 1\r\n", b"x = 2\r\n"
posix = pytest.mark.skipif(sys.platform == "win32", reason="modes and links are of POSIX")


def digest(data):
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a.py"
    path.write_bytes(OLD)
    return path


def test_content_is_replaced_and_nothing_is_left_beside(file):
    replace_file(file, digest(OLD), NEW)
    assert file.read_bytes() == NEW
    assert list(file.parent.iterdir()) == [file]


def test_a_file_that_changed_meanwhile_is_refused(file):
    file.write_bytes(b"x = 3\n")
    with pytest.raises(StoreError, match="changed while"):
        replace_file(file, digest(OLD), NEW)
    assert file.read_bytes() == b"x = 3\n"
    file.unlink()
    with pytest.raises(StoreError, match="cannot be read"):
        replace_file(file, digest(OLD), NEW)


def test_the_same_content_is_not_written(file):
    before = file.stat()
    replace_file(file, digest(OLD), OLD)
    after = file.stat()
    assert (after.st_ino, after.st_mtime_ns, after.st_mode) == (before.st_ino, before.st_mtime_ns, before.st_mode)


@posix
@pytest.mark.parametrize("mode", [0o755, 0o600, 0o664])
def test_mode_stays(file, mode):
    file.chmod(mode)
    replace_file(file, digest(OLD), NEW)
    assert stat.S_IMODE(file.stat().st_mode) == mode


@posix
def test_a_link_stays_and_its_file_is_written(file, tmp_path):
    folder = tmp_path / "other"
    folder.mkdir()
    link = folder / "link.py"
    link.symlink_to(Path("..") / "a.py")
    replace_file(link, digest(OLD), NEW)
    assert link.is_symlink()
    assert file.read_bytes() == NEW
    assert list(folder.iterdir()) == [link]


def test_a_read_only_file_is_refused(file):
    file.chmod(0o444)
    with pytest.raises(StoreError, match="read-only"):
        replace_file(file, digest(OLD), NEW)
    assert file.read_bytes() == OLD
    file.chmod(0o644)


def test_a_failing_write_leaves_the_old_file_and_nothing_beside(file, monkeypatch):
    def fail(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StoreError, match="No space left"):
        replace_file(file, digest(OLD), NEW)
    assert file.read_bytes() == OLD
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x = 1",
        b"x = 1\r\ny = 2\nz = 3\r",
        b"\xef\xbb\xbfx = '\xc3\xa9'\n",
        b"# coding: latin-1\nx = '\xe9'\n",
        b"#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\nx = '\x80'\n",
        b"# coding: utf-8-sig\nx = 1\n",
        b"\x0cx = 1\n",
    ],
)
def test_bytes_survive_decoding_and_encoding(data):
    text, encoding = decode_source(data, to_write=True)
    assert encode_source(text, encoding) == data


@pytest.mark.parametrize(
    "data",
    [b"# coding: utf-7\n# +AGE-\n", b"# coding: iso-2022-jp\n# \x1b(B\n", b"# coding: unicode_escape\n# \\x41\n"],
)
def test_bytes_that_would_not_survive_are_read_and_not_written(data):
    decode_source(data)
    with pytest.raises(DecodingError, match="a form of"):
        decode_source(data, to_write=True)


def test_text_that_the_encoding_cannot_say_is_refused():
    with pytest.raises(DecodingError, match="cannot encode"):
        encode_source("x = '\u20ac'", decode_source(b"# coding: latin-1\n")[1])
