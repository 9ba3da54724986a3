"""``[tool.whet]``: what it holds, where it is found, and what is said of what it cannot mean."""

import re
from pathlib import Path

import pytest

from whet.config import load_config
from whet.errors import UsageError


def write(folder, text):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text(text, "utf-8")


def test_every_key_is_read(tmp_path):
    write(
        tmp_path,
        """
[project]
requires-python = ">=3.12,<4"
[tool.whet]
select = ["ALL"]
extend-select = ["str-concat"]
ignore = ["slots"]
allow = ["memoize"]
include = ["build/tools"]
exclude = ["vendored"]
respect-gitignore = false
profile = "whet-hot.json"
min-share = 2.5
rules = ["tools/rules"]
[tool.whet.per-file-ignores]
"tests/**" = ["ALL"]
""",
    )
    config = load_config(tmp_path)
    assert config.root == tmp_path
    assert config.file == tmp_path / "pyproject.toml"
    assert config.select == ("ALL",)
    assert config.extend_select == ("str-concat",)
    assert config.ignore == ("slots",)
    assert config.allow == ("memoize",)
    assert config.include == ("build/tools",)
    assert config.exclude == ("vendored",)
    assert not config.respect_gitignore
    assert config.profile == "whet-hot.json"
    assert config.min_share == 0.025
    assert config.rules == ("tools/rules",)
    assert config.per_file_ignores == {"tests/**": ("ALL",)}
    assert config.target_version == (3, 12)


def test_the_nearest_file_with_settings_holds(tmp_path):
    write(tmp_path, '[tool.whet]\nignore = ["slots"]\n')
    inner = tmp_path / "packages" / "one"
    write(inner, '[project]\nname = "one"\n')
    assert load_config(inner).root == tmp_path
    write(inner, "[tool.whet]\n")
    assert load_config(inner).root == inner
    assert load_config(inner).ignore == ()


def test_without_settings_the_root_is_the_project(tmp_path):
    (tmp_path / "setup").mkdir()
    (tmp_path / ".git").mkdir()
    config = load_config(tmp_path / "setup")
    assert (config.root, config.file, config.target_version) == (tmp_path, None, (3, 11))
    write(tmp_path, '[project]\nrequires-python = "~=3.13"\n')
    assert load_config(tmp_path / "setup").target_version == (3, 13)


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("exlude = []", "has no key 'exlude'", "did you mean 'exclude'?"),
        ("per_file_ignores = {}", "has no key 'per_file_ignores'", "did you mean 'per-file-ignores'?"),
        ("x = 1", "has no key 'x'", "known keys are allow, "),
        ('select = "ALL"', "select is 'ALL'", "select must be a list of strings"),
        ("ignore = [1]", "ignore is [1]", "ignore must be a list"),
        ("min-share = 101", "min-share is 101", "a percentage"),
        ("min-share = true", "min-share is True", "a percentage"),
        ("respect-gitignore = 1", "respect-gitignore is 1", "true or false"),
        ('target-version = "2.7"', "target-version is '2.7'", "from 3.11 on"),
        ("profile = 1", "profile is 1", "a string"),
        ("per-file-ignores = []", "per-file-ignores is []", "a table"),
        (f"select = {'[' * 400}{']' * 400}", "select is [[[[[[[...]]]]]]]", "a list of strings"),
        ("select = [", "is not TOML", "reads its settings from it"),
    ],
)
def test_what_means_nothing_is_an_error_that_helps(tmp_path, line, message, hint):
    write(tmp_path, f"[tool.whet]\n{line}\n")
    with pytest.raises(UsageError, match=re.escape(message)) as caught:
        load_config(tmp_path)
    assert str(tmp_path / "pyproject.toml") in caught.value.message
    assert hint in caught.value.hint


def test_a_broken_file_without_settings_is_not_ours_to_complain_about(tmp_path):
    write(tmp_path, "requires-python = [")
    assert load_config(tmp_path).file is None


def test_a_file_can_be_named(tmp_path):
    path = tmp_path / "other.toml"
    path.write_text("[tool.whet]\nmin-share = 5\n")
    assert load_config(tmp_path, path).min_share == 0.05
    with pytest.raises(UsageError, match="cannot be read"):
        load_config(tmp_path, tmp_path / "none.toml")


DOCS = Path(__file__).parents[2] / "docs"


def test_the_documented_keys_are_those_that_are_read(tmp_path):
    table = re.findall(r"^\| `([a-z-]+)` \|", (DOCS / "configuration.md").read_text("utf-8"), re.MULTILINE)
    with pytest.raises(UsageError) as caught:
        write(tmp_path, "[tool.whet]\nzzzzzz = 1\n")
        load_config(tmp_path)
    assert caught.value.hint == f"known keys are {', '.join(sorted(table))}"


def test_the_documented_example_is_read(tmp_path):
    (example,) = re.findall(r"```toml\n(.*?)```", (DOCS / "configuration.md").read_text("utf-8"), re.DOTALL)
    write(tmp_path, example)
    assert load_config(tmp_path).min_share == 0.05
