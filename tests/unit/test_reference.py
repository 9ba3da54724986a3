"""The parts of the documentation that come from the code are what the code says."""

from __future__ import annotations

import importlib.util
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from whet.cli.main import COMMANDS, load_command
from whet.config import SETTINGS, Config

ROOT = Path(__file__).parents[2]


@pytest.fixture
def generator(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setenv("COLUMNS", "80")  # set by the generator: restored afterwards
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_reference_is_current(generator: ModuleType) -> None:
    files: dict[Path, str] = generator.list_files()
    stale = [str(path.relative_to(ROOT)) for path, text in files.items() if path.read_text(encoding="utf-8") != text]
    assert not stale, "`make reference` writes them"
    assert set(generator.RULES.glob("*.md")) <= set(files)


def test_each_command_has_its_options_there(generator: ModuleType) -> None:
    page = (ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")
    for name in COMMANDS:
        section = page.split(f"## whet {name}\n", 1)[1].split("\n## ", 1)[0]
        for option in load_command(name).options:
            assert all(text in section for text in option.declared.names)


def test_a_page_without_its_marks_is_an_error(generator: ModuleType) -> None:
    with pytest.raises(ValueError, match="no place for rules"):
        generator.replace_parts("# A page\n", {"rules": "made"})


@pytest.mark.parametrize("key", sorted(SETTINGS))
def test_the_documented_default_of_a_setting_is_the_default(key: str) -> None:
    setting = SETTINGS[key]
    shown = setting.default
    if not shown.startswith("`"):  # words
        assert key in ("select", "profile", "target-version")
        return
    value = tomllib.loads(f"value = {shown.strip('`')}")["value"]
    assert setting.read(value) == getattr(Config(Path()), key.replace("-", "_"))
