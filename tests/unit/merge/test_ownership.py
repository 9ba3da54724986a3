import pytest

from whet.merge.ownership import Ownership
from whet.model.frame import Owner

OWNERSHIP = Ownership(
    project="/home/me/project",
    stdlib=("/usr/lib/python3.13", "/opt/odd/stdlib"),
    site_packages=("/home/me/project/.venv/lib/python3.13/site-packages", "/opt/vendor"),
)


@pytest.mark.parametrize(
    ("file", "owner"),
    [
        ("/home/me/project/app.py", Owner.USER),
        ("/home/me/elsewhere/editable.py", Owner.USER),
        ("relative.py", Owner.USER),
        ("/home/me/project/.venv/lib/python3.13/site-packages/numpy/core.py", Owner.DEPENDENCY),
        ("/usr/lib/python3/dist-packages/apt.py", Owner.DEPENDENCY),
        ("/opt/vendor/thing.py", Owner.DEPENDENCY),
        ("/opt/vendored/thing.py", Owner.USER),
        ("/usr/lib/python3.13/json/decoder.py", Owner.STDLIB),
        ("/usr/lib/python3.13/site-packages/x.py", Owner.DEPENDENCY),
        ("/opt/odd/stdlib/json.py", Owner.STDLIB),
        ("/unknown/uv/lib/python3.14t/json.py", Owner.STDLIB),
        ("C:\\Python313\\Lib\\json\\decoder.py", Owner.STDLIB),
        ("C:\\work\\venv\\Lib\\site-packages\\rich\\text.py", Owner.DEPENDENCY),
        ("C:\\work\\app.py", Owner.USER),
        ("<frozen importlib._bootstrap>", Owner.STDLIB),
        ("<string>", Owner.USER),
        ("<script>", Owner.USER),
        ("<stdin>", Owner.USER),
        ("<ipython-input-3-abc>", Owner.USER),
        ("<attrs generated init app.Point>", Owner.DEPENDENCY),
        ("<decorator-gen-7>", Owner.DEPENDENCY),
        ("<__array_function__ internals>", Owner.DEPENDENCY),
        ("<built-in>", Owner.NATIVE),
        ("", Owner.NATIVE),
        ("~", Owner.NATIVE),
        ("?", Owner.NATIVE),
        ("[unknown]", Owner.NATIVE),
        ("/home/me/project/fast.cpython-313-x86_64-linux-gnu.so", Owner.NATIVE),
        ("/usr/lib/libc.so.6", Owner.NATIVE),
        ("/build/Modules/_json.c", Owner.NATIVE),
        ("python313.dll", Owner.NATIVE),
        ("/home/me/project/script_without_extension", Owner.USER),
    ],
)
def test_every_kind_of_file_has_one_owner(file, owner):
    assert OWNERSHIP.owner(file) is owner
    assert OWNERSHIP.owner(file) is owner, "the cache says the same"


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("__create_fn__.<locals>.__init__", Owner.STDLIB),
        ("__eq__", Owner.STDLIB),
        ("<lambda>", Owner.STDLIB),
        ("work", Owner.USER),
    ],
)
def test_methods_that_the_library_generates_are_not_the_users(name, owner):
    assert OWNERSHIP.owner("<string>", name) is owner


def test_under_dash_c_only_dataclass_methods_are_generated():
    ownership = Ownership(program=("<string>",))
    assert ownership.owner("<string>", "<lambda>") is Owner.USER
    assert ownership.owner("<string>", "__create_fn__.<locals>.__init__") is Owner.STDLIB


def test_program_and_globs():
    site = "/venv/lib/python3.13/site-packages"
    ownership = Ownership(
        project="/p",
        stdlib=("/usr/lib/python3.13",),
        program=(f"{site}/black", "/venv/bin/black"),
        include=("pandas", "/usr/lib/python3.13/json/*"),
        exclude=("vendored/*", "*/black/trans.py", "pandas_old"),
    )
    assert ownership.owner(f"{site}/black/linegen.py") is Owner.USER
    assert ownership.owner(f"{site}/blackened/x.py") is Owner.DEPENDENCY
    assert ownership.owner(f"{site}/black/trans.py") is Owner.DEPENDENCY, "exclude wins"
    assert ownership.owner(f"{site}/pandas/core/frame.py") is Owner.USER
    assert ownership.owner(f"{site}/pandas/_lib.so") is Owner.NATIVE
    assert ownership.owner(f"{site}/pandas_old/core.py") is Owner.DEPENDENCY
    assert ownership.owner("/usr/lib/python3.13/json/decoder.py") is Owner.USER
    assert ownership.owner("/usr/lib/python3.13/re/__init__.py") is Owner.STDLIB
    assert ownership.owner("/p/vendored/deep/x.py") is Owner.DEPENDENCY
    assert ownership.owner("/p/own.py") is Owner.USER


def test_case_counts_only_where_the_file_system_says_so():
    places = {"site_packages": ("/Opt/Vendor",), "project": "/p"}
    assert Ownership(**places, ignore_case=True).owner("/opt/vendor/x.py") is Owner.DEPENDENCY
    assert Ownership(**places, ignore_case=False).owner("/opt/vendor/x.py") is Owner.USER
    windows = Ownership(site_packages=("C:\\Vendor\\",), ignore_case=False)
    assert windows.owner("c:/vendor/x.py") is Owner.DEPENDENCY


def test_hidden_folders():
    ownership = Ownership(hidden=("/opt/whet/inprocess",))
    assert ownership.is_hidden("/opt/whet/inprocess/looks.py")
    assert not ownership.is_hidden("/opt/whet/inprocesss/looks.py")
    assert not Ownership().is_hidden("/opt/whet/inprocess/looks.py")
