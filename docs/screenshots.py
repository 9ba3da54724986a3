"""Make the pictures of docs/gallery.md: profile, prove, render, photograph.

    python docs/screenshots.py [--only demo-light,phone] [--keep FOLDER]

The demo is profiled with lines and memory and its advice is proven; the real program is black, from PyPI, formatting
the standard library's ``_pydecimal``. Takes some 15 minutes, of which proving may take 10. ``--keep`` holds on to the
runs, and uses them the next time.
"""

from __future__ import annotations

import _pydecimal
import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from whet.model.run import Run
from whet.pipeline.advise.diff import diff_runs, write_difference_report
from whet.pipeline.advise.show import show, write_html
from whet.store import load_run

HERE = Path(__file__).parent
IMAGES = HERE / "images"
DEMO = HERE.parent / "fixtures" / "targets"
WHET = Path(sys.executable).parent / "whet"
BUDGET = "10m"


def run(words: list[str | Path], folder: Path) -> None:
    """Run a command, and show it: some take minutes. What it says is shown where it fails."""
    print("$", *words, flush=True)
    environ = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    done = subprocess.run([*map(str, words)], cwd=folder, env=environ, check=False, capture_output=True, text=True)
    if done.returncode:
        print(f"status {done.returncode}: {done.stderr[-2_000:]}", flush=True)


def make_demo(folder: Path) -> Path:
    """Profile the example program, its lines and its memory, and prove its advice."""
    home = folder / "demo"
    if not home.exists():
        shutil.copytree(DEMO, home)
        (home / "pyproject.toml").touch()
        run([WHET, "run", "--full", "orders.py"], home)
        run([WHET, "prove", "--budget", BUDGET], home)
    return _render(home, "demo")


def make_black(folder: Path) -> Path:
    """Profile black as it formats a module of the standard library."""
    home = folder / "black"
    if not home.exists():
        home.mkdir()
        (home / "pyproject.toml").touch()
        venv.create(folder / "env", with_pip=True)
        python = folder / "env" / "bin" / "python"
        # Without its compiled wheel: there would be no Python to see.
        run([python, "-m", "pip", "install", "--no-binary", "black", "black"], home)
        shutil.copy(_pydecimal.__file__, home / "decimals.py")
        run([WHET, "run", "--memory", "--python", python, "-m", "black", "-q", "--diff", "decimals.py"], home)
    return _render(home, "black")


def make_difference(folder: Path) -> Path:
    """Profile the demo before and after one of its rewrites."""
    before, after = folder / "before", folder / "after"
    for home in (before, after):
        if not home.exists():
            shutil.copytree(DEMO, home)
            (home / "pyproject.toml").touch()
            if home is after:
                intake = home / "orderbook" / "intake.py"
                text = intake.read_text(encoding="utf-8")
                text = text.replace("self.numbers = []", "self.numbers = {}")
                text = text.replace("self.numbers.append(number)", "self.numbers[number] = True")
                intake.write_text(text, encoding="utf-8")
            run([WHET, "run", "--repeat", "3", "orders.py"], home)
    path = folder / "difference.html"
    runs = _load(before), _load(after)
    write_difference_report(*runs, diff_runs(*runs), path)
    return path


def _load(home: Path) -> Run:
    latest = (home / ".whet" / "latest").read_text(encoding="utf-8").strip()
    return load_run(home / ".whet" / "runs" / latest / "run.json.gz")


def _render(home: Path, name: str) -> Path:
    path = home.parent / f"{name}.html"
    first = min((home / ".whet" / "runs").iterdir())
    write_html(show(load_run(first / "run.json.gz")), path)
    return path


@dataclass(frozen=True)
class Shot:
    """One picture. ``act`` is done to the page before it is taken."""

    name: str
    make: Callable[[Path], Path]
    link: str = ""
    width: int = 1280
    height: int = 720
    dark: bool = False
    act: Callable[[Page], None] | None = None


def _print(page: Page) -> None:
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print", color_scheme="light")


def _hover(page: Page) -> None:
    box = page.locator("#flame-main").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 3.5 * 24)


SHOTS = (
    Shot("demo-light", make_demo),
    Shot("demo-dark", make_demo, dark=True),
    Shot("suggestion", make_demo, "#suggestions"),
    Shot("flamegraph", make_black, "#flamegraph", dark=True, act=_hover),
    Shot("sandwich", make_demo, "#m=sandwich&s=OrderReader.read%20orderbook/intake.py:56"),
    Shot("difference", make_difference, "#flamegraph", act=_hover),
    Shot("source", make_demo, "#source"),
    Shot("memory", make_demo, "#memory"),
    Shot("black", make_black),
    Shot("phone", make_demo, width=390, height=844),
    Shot("print", make_demo, width=794, height=1123, act=_print),
)


def photograph(shots: list[Shot], folder: Path) -> None:
    """Take the pictures."""
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        found = shutil.which("chromium") or shutil.which("chromium-headless-shell")
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        for shot in shots:
            page = browser.new_page(
                viewport={"width": shot.width, "height": shot.height}, color_scheme="dark" if shot.dark else "light"
            )
            page.goto(shot.make(folder).as_uri() + shot.link)
            page.wait_for_selector("#flame[data-ready]", state="attached")
            if shot.act:
                shot.act(page)
            page.wait_for_timeout(200)
            page.screenshot(path=IMAGES / f"{shot.name}.png")
            page.close()
            print(f"docs/images/{shot.name}.png", flush=True)
        browser.close()


def main() -> int:
    """Read the command line and take the pictures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="names of pictures, comma separated")
    parser.add_argument("--keep", type=Path, help="a folder for the runs")
    options = parser.parse_args()
    wanted = [shot for shot in SHOTS if not options.only or shot.name in options.only.split(",")]
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
        photograph(wanted, options.keep.resolve())
    else:
        with tempfile.TemporaryDirectory() as folder:
            photograph(wanted, Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
