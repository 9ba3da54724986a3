"""The wheel and the sdist, built once from a copy of the tree, and an empty environment with the wheel in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOT_SOURCES = shutil.ignore_patterns(
    ".git",
    ".venv*",
    ".nox",
    ".whet",
    "dist",
    "build",
    "__pycache__",
    ".*_cache",
    ".hypothesis",
    "node_modules",
    "whet-report.html",
)


def _build(tree: Path, kind: str, out: Path) -> Path:
    """Build a wheel or an sdist of ``tree`` without the network, with the hatchling of this environment."""
    command = [sys.executable, "-m", "build", f"--{kind}", "--no-isolation", "--outdir", str(out), str(tree)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = out.iterdir()
    return built


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources, in which building may leave what it likes."""
    copy = tmp_path_factory.mktemp("tree") / "whet"
    shutil.copytree(ROOT, copy, ignore=NOT_SOURCES, symlinks=True)
    return copy


@pytest.fixture(scope="session")
def wheel(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as built from the tree."""
    return _build(tree, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def sdist(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdist as built from the tree."""
    return _build(tree, "sdist", tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="session")
def wheel_of_sdist(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as built from the unpacked sdist, as a distributor would."""
    unpacked = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        if hasattr(tarfile, "data_filter"):  # not in 3.11.0 to 3.11.3
            archive.extraction_filter = tarfile.data_filter
        archive.extractall(unpacked)
    (folder,) = unpacked.iterdir()
    return _build(folder, "wheel", tmp_path_factory.mktemp("wheel-of-sdist"))


class Environment:
    """A virtual environment: run things in it, install into it."""

    def __init__(self, folder: Path, *, borrow: bool) -> None:
        """Make it in ``folder``; with ``borrow`` the libraries of this environment are seen behind its own."""
        venv.create(folder, with_pip=False)
        self.bin = folder / ("Scripts" if os.name == "nt" else "bin")
        self.python = self.bin / ("python.exe" if os.name == "nt" else "python")
        (purelib,) = self.ask("import sysconfig; print(sysconfig.get_path('purelib'))").splitlines()
        self.site_packages = Path(purelib)
        if borrow:
            self._borrow()

    def _borrow(self) -> None:
        """Show the libraries beside the running tests behind this environment's own.

        An editable install of whet stays unseen: its ``.pth`` file counts in an interpreter's own folders only.
        """
        shelves = [path for path in sys.path if Path(path).name == "site-packages"]
        (self.site_packages / "borrowed.pth").write_text("\n".join(shelves) + "\n", encoding="utf-8")
        sampler = shutil.which("py-spy", path=str(Path(sys.executable).parent))
        assert sampler is not None
        shutil.copy2(sampler, self.bin)

    def install(self, what: Path, *options: str) -> None:
        """Install a wheel or a tree by this environment's pip, without dependencies and the network."""
        command = [sys.executable, "-m", "pip", "--python", str(self.python), "install", "--quiet"]
        command += [
            "--no-deps",
            "--no-index",
            "--no-build-isolation",
            "--disable-pip-version-check",
            *options,
            str(what),
        ]
        done = self.start(command)
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self, command: list[str], folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run ``command`` with nothing of this environment in the child's."""
        kept = {
            k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "CONDA_PREFIX"}
        }
        return subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            encoding="utf-8",
            env=kept,
            cwd=folder,
            stdin=subprocess.DEVNULL,
        )

    def whet(self, *words: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run the installed console script."""
        return self.start([str(self.bin / "whet"), *words], folder)

    def ask(self, code: str) -> str:
        """Return what ``code`` prints in this environment."""
        done = self.start([str(self.python), "-I", "-c", code])
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="session")
def make_environment(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Environment]:
    """Make a new virtual environment."""

    def make(*, borrow: bool = False) -> Environment:
        return Environment(tmp_path_factory.mktemp("environment") / "venv", borrow=borrow)

    return make


@pytest.fixture(scope="session")
def installed(make_environment: Callable[..., Environment], wheel: Path) -> Environment:
    """An environment with the wheel and the libraries it needs, far from the sources."""
    environment = make_environment(borrow=True)
    environment.install(wheel)
    return environment
