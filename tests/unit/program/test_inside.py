from __future__ import annotations

import os

import pytest

from whet.program.inside import resolve_inside

pytestmark = pytest.mark.skipif(os.name == "nt", reason="paths and links as POSIX has them")


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "root"
    (root / "srv" / "app").mkdir(parents=True)
    (root / "srv" / "app" / "main.py").write_text("inside")
    (tmp_path / "main.py").write_text("outside")
    (root / "app").symlink_to("/srv/app")
    (root / "srv" / "here").symlink_to("app/../app")
    (root / "srv" / "out").symlink_to("../../../main.py")
    (root / "srv" / "again").symlink_to("again")
    return root


@pytest.mark.parametrize(
    "file", ["/srv/app/main.py", "/app/main.py", "/srv/here/main.py", "/../../srv/app/main.py", "/srv/./app/main.py"]
)
def test_links_are_followed_as_the_process_would(root, file):
    assert resolve_inside(root, file).read_text() == "inside"


def test_no_link_leads_out(root):
    found = resolve_inside(root, "/srv/out")
    assert found == root / "main.py"
    assert not found.exists()


def test_what_is_not_there_stays_inside(root):
    assert resolve_inside(root, "/no/such.py") == root / "no" / "such.py"


def test_links_without_end(root):
    with pytest.raises(OSError, match="too many links"):
        resolve_inside(root, "/srv/again")
