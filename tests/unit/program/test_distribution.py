from __future__ import annotations

from pathlib import Path

from whet.program.distribution import check_distribution


def install(folder: Path, name: str, version: str | None) -> None:
    info = folder / f"{name.replace('-', '_')}-{version or 'x'}.dist-info"
    info.mkdir()
    if version is not None:
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def test_our_distribution_is_named_with_its_version(tmp_path: Path) -> None:
    install(tmp_path, "whet-perf", "0.1.0")
    install(tmp_path, "whet-stones", "3.0")
    check = check_distribution([str(tmp_path)])
    assert (check.works, check.says, check.remedy) == (True, "whet-perf 0.1.0", "")


def test_another_projects_distribution_gets_a_warning(tmp_path: Path) -> None:
    install(tmp_path, "whet-perf", "0.1.0")
    install(tmp_path, "whet", "0.2.1")
    check = check_distribution([str(tmp_path)])
    assert not check.works
    assert not check.needed
    assert check.says.startswith("whet 0.2.1 is installed in whet's environment, which is another project")
    assert "pip uninstall whet && " in check.remedy
    assert check.remedy.endswith("-m pip install --force-reinstall whet-perf")


def test_one_without_metadata_is_found_too(tmp_path: Path) -> None:
    install(tmp_path, "whet", None)
    check = check_distribution([str(tmp_path)])
    assert not check.works


def test_sources_that_nobody_installed_are_fine(tmp_path: Path) -> None:
    check = check_distribution([str(tmp_path)])
    assert check.works
    assert "runs from its sources" in check.says
