"""What whet as a library does where nothing is sampled: errors in words, pyinstrument in place of py-spy."""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys

import pytest

import whet
from whet import library
from whet.errors import CollectorError, FormatError, UsageError


@pytest.fixture
def refused(monkeypatch):
    pytest.importorskip("pyinstrument")

    def refuse(_request):
        raise CollectorError("the kernel forbids it", "ask it")

    monkeypatch.setattr(library, "Sampling", refuse)


def crunch(count=2_000):
    return [divmod(number, 7) for number in range(count)]


def test_where_sampling_from_outside_is_refused_pyinstrument_samples(refused):
    with whet.profile(rate=1000) as run:
        for _ in range(300):
            crunch()
    assert run.hotspots.functions[0].name.endswith("crunch")
    stream = io.StringIO()
    run.show(stream)
    assert "the kernel forbids it; pyinstrument sampled this thread instead" in " ".join(stream.getvalue().split())


def test_functions_and_coroutines_return_what_they_return(refused, capsys):
    @whet.profile(rate=1000)
    def twice(value):
        crunch()
        return 2 * value if value else twice(1)

    @whet.profile
    async def later(value):
        await asyncio.sleep(0)
        return twice(value)

    assert (twice(0), twice.__name__) == (2, "twice")
    assert asyncio.run(later(4)) == 8
    assert "pyinstrument" in capsys.readouterr().err


def test_what_cannot_be_done_is_said():
    run = whet.profile()
    with pytest.raises(UsageError, match="nothing is measured yet"):
        run.show()
    with pytest.raises(UsageError, match="lines=True") as raised:
        whet.profile(lines=True)
    assert "whet run --lines" in raised.value.hint
    with pytest.raises(UsageError, match="memory=True"):
        whet.profile(memory=True)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = whet.nothing


def test_a_file_that_is_no_profile_is_named(tmp_path):
    (tmp_path / "a.txt").write_text("no profile\n", "utf-8")
    with pytest.raises(FormatError, match=r"a\.txt"):
        whet.load(tmp_path / "a.txt")


def test_a_report_needs_a_format(refused, tmp_path):
    with whet.profile(rate=1000) as run:
        crunch(100_000)
    run.save(tmp_path / "r.md")
    assert (tmp_path / "r.md").read_text("utf-8").startswith("<!-- whet:report -->")
    with pytest.raises(UsageError, match=r"r\.xyz names no format"):
        run.save(tmp_path / "r.xyz")


def test_the_package_alone_loads_next_to_nothing():
    code = "import sys; before = set(sys.modules); import whet; print(sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "['__future__', 'whet']\n"
