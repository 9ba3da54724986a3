"""From files of other tools to advice on the sources at hand."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from whet.errors import FormatError, UsageError
from whet.merge.hotspots import merge_run
from whet.merge.relocate import STALE
from whet.model.run import Run
from whet.pipeline.advise.advise import advise_run
from whet.pipeline.foreign.load import load_any
from whet.pipeline.foreign.read import read_foreign

CAPTURES = Path(__file__).parents[4] / "fixtures/captures/foreign"
SERVICE = '''"""A service."""


def find(rows, wanted):
    found = []
    for row in rows:
        if row not in found:
            found.append(row)
    return found


class Shop:
    def total(self, orders):
        return sum(order.price for order in orders)
'''


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that the captures are of, checked out elsewhere than where it ran."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copytree(CAPTURES / "program", folder, dirs_exist_ok=True)
    (folder / "pyproject.toml").touch()
    return folder


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "service.py").write_text(SERVICE)
    return tmp_path


def write_stacks(folder: Path, *lines: str, name: str = "web.collapsed") -> Path:
    path = folder / name
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def find_advice(run: Run) -> set[tuple[str, str]]:
    return {(each.finding.rule, each.finding.function) for each in advise_run(run).advice}


def say(run: Run) -> str:
    return "\n".join(notice.message for notice in run.notices)


@pytest.mark.parametrize(
    ("name", "functions", "advice"),
    [
        ("pyroscope-io-1.4.0/cpu.pprof", 0.25, {("list-membership", "naïve")}),
        ("py-spy-0.4.3/threads.raw", 0.2, {("list-membership", "naïve"), ("memoize", "paths")}),
        ("py-spy-0.4.3/threads.speedscope.json", 0.25, {("memoize", "paths")}),
        ("austin-4.0.0/wall.collapsed.txt", 0.1, {("memoize", "paths")}),
        ("tachyon-3.15.2/run.collapsed", 0.15, {("list-membership", "naïve"), ("memoize", "paths")}),
        ("tachyon-3.15.2/run.jsonl", 0.15, {("memoize", "paths")}),
        ("cprofile-3.14.10/run.prof", 0.1, {("list-membership", "naïve"), ("memoize", "paths")}),
        ("line_profiler-5.1.0/absolute.lprof", 0.0, {("memoize", "paths")}),
    ],
)
def test_the_planted_causes_are_named(project: Path, name: str, functions: float, advice: set[tuple[str, str]]) -> None:
    run = read_foreign([CAPTURES / name], ["/tmp/app=."], project)
    assert {source.shown for source in run.sources.values()} >= {"my lib/shapes.py"}
    heavy = next(spot for spot in merge_run(run).functions if spot.name == "heavy_c") if functions else None
    assert heavy is None or heavy.cost.spent_share >= functions
    assert find_advice(run) >= advice
    (origin,) = run.origins
    assert origin.file.endswith(name)


PLANTED = {
    "shop": {"list-membership": "orders.py", "regex-compile": "search.py", "pop0-deque": "stock.py"},
    "mail": {"str-concat": "digest.py", "deepcopy": "letters.py", "nested-join": "addresses.py"},
    "news": {"query-in-loop": "pages.py", "strptime": "pages.py", "sorted-minmax": "pages.py"},
}
"""A service on Flask, on Starlette (asynchronous) and on Django: the rule and the file of each planted cause."""
WITHOUT_LINES = frozenset({"query-in-loop"})
"""What no profile without lines can tell: which line asks for each item."""


@pytest.mark.parametrize(
    ("service", "name"),
    [
        ("shop", "py-spy-0.4.3/service.raw"),
        ("shop", "austin-4.0.0/service.collapsed.txt.gz"),
        ("shop", "cprofile-3.14.10/service.prof"),
        ("shop", "tachyon-3.15.2/service.bin"),
        ("shop", "tachyon-3.15.2/service.collapsed"),
        ("mail", "py-spy-0.4.3/mail.speedscope.json.gz"),
        ("mail", "tachyon-3.15.2/mail.collapsed.gz"),
        ("news", "py-spy-0.4.3/news.raw.gz"),
        ("news", "cprofile-3.11.7/news.prof.gz"),
    ],
)
def test_what_slows_the_pages_of_a_service_is_named_by_line(tmp_path: Path, service: str, name: str) -> None:
    """Services under load, recorded while they served, by profilers that know nothing of whet."""
    (tmp_path / "pyproject.toml").touch()
    shutil.copytree(CAPTURES / "service" / service, tmp_path / service)
    planted = {
        (rule, file, number)
        for rule, file in PLANTED[service].items()
        if ".prof" not in name or rule not in WITHOUT_LINES
        for number, line in enumerate((tmp_path / service / file).read_text().splitlines(), start=1)
        if "# planted" in line
    }
    run = read_foreign([CAPTURES / name], ["/srv/web=."], tmp_path)
    found = {(each.finding.rule, Path(each.finding.file).name, each.finding.line) for each in advise_run(run).advice}
    wanted = {rule for rule in PLANTED[service] if ".prof" not in name or rule not in WITHOUT_LINES}
    assert {rule for rule, file, line in found & planted} == wanted
    assert len(found) <= len(wanted) + 1


def test_a_profile_without_lines_says_that_the_share_is_the_functions(project: Path) -> None:
    run = read_foreign([CAPTURES / "cprofile-3.14.10/run.prof"], [], project)
    (advice,) = (each for each in advise_run(run).advice if each.finding.rule == "memoize")
    assert advice.finding.message.endswith("The share is that of the whole function: the profile has no lines.")
    assert advice.estimate.low == 1.0
    assert not advice.estimate.is_measured
    assert not any(spot.line for spot in merge_run(run).lines)


def test_lines_at_which_functions_start_are_no_lines(project: Path) -> None:
    run = read_foreign([CAPTURES / "pyroscope-io-1.4.0/cpu-function-lines.pprof"], [], project)
    assert "only the lines at which functions start" in say(run)
    assert ("list-membership", "naïve") in find_advice(run)


def test_a_root_says_where_a_folder_is_and_the_settings_may(shop: Path) -> None:
    stacks = write_stacks(shop, "find (/srv/app/service.py:7) 100")
    (file,) = read_foreign([stacks], ["/srv/app=shop"], shop).sources
    assert file == str(shop / "shop" / "service.py")
    (shop / "pyproject.toml").write_text('[tool.whet]\nsource-roots = ["/srv/app=shop"]\n')
    assert set(read_foreign([stacks], [], shop).sources) == {file}


@pytest.mark.parametrize("text", ["/srv/app", "=x", "/srv=", "/srv=nowhere"])
def test_a_root_that_is_none_is_an_error(shop: Path, text: str) -> None:
    with pytest.raises(UsageError, match="--source-root"):
        read_foreign([write_stacks(shop, "find (a.py:7) 1")], [text], shop)


def test_no_file_outside_of_the_project_is_opened(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    secret = tmp_path_factory.mktemp("elsewhere") / "secret.py"
    secret.write_text("def find():\n    return 'secret'\n")
    (shop / "link.py").symlink_to(secret)
    stacks = write_stacks(
        shop, f"find ({secret}:2) 50", f"find ({shop}/shop/../link.py:2) 50", f"find (/srv/../{secret}:2) 50"
    )
    run = read_foreign([stacks], ["/srv=."], shop)
    assert not any("secret" in source.text for source in run.sources.values())
    assert "no source here" in say(run)


def test_the_longest_common_suffix_decides_and_then_the_names(shop: Path) -> None:
    (shop / "admin").mkdir()
    (shop / "admin" / "service.py").write_text("def other():\n    return 1\n")
    longer = read_foreign([write_stacks(shop, "find (/x/shop/service.py:7) 9")], [], shop)
    assert {source.shown for source in longer.sources.values()} == {"shop/service.py"}
    by_name = read_foreign([write_stacks(shop, "find (service.py:7) 9")], [], shop)
    assert {source.shown for source in by_name.sources.values()} == {"shop/service.py"}
    (shop / "admin" / "service.py").write_text(SERVICE)
    assert not read_foreign([write_stacks(shop, "find (service.py:7) 9")], [], shop).sources


def test_files_of_the_library_are_not_taken_for_ones_of_the_project(shop: Path) -> None:
    (shop / "queue.py").write_text("def enqueue():\n    return 1\n")
    (shop / "app.py").write_text(SERVICE)
    stacks = write_stacks(shop, "get (queue.py:180) 50", "find (/usr/lib/python3.14/site-packages/flask/app.py:7) 50")
    assert not read_foreign([stacks], [], shop).sources


def test_a_function_that_moved_is_found_by_its_name(shop: Path) -> None:
    (shop / "shop" / "service.py").write_text("import os\n\n\n" + SERVICE)
    run = read_foreign(
        [write_stacks(shop, "Shop.total (/app/shop/service.py:14) 60", "find (/app/shop/service.py:7) 40")], [], shop
    )
    assert "found at another line than in the profile" in say(run)
    spots = {spot.name: spot for spot in merge_run(run).functions}
    assert spots["find"].cost.spent_share == pytest.approx(0.4)
    # Which line it was is not known any more, so no line has the time.
    assert not any(spot.function == "Shop.total" for spot in merge_run(run).lines)
    assert "list-membership" in {rule for rule, _ in find_advice(run)}


def test_a_function_that_is_gone_is_stale_and_nothing_is_advised_on_it(shop: Path) -> None:
    (shop / "shop" / "service.py").write_text(SERVICE.replace("def find", "def search"))
    stacks = write_stacks(shop, "find (/app/shop/service.py:7) 60", "Shop.total (/app/shop/service.py:14) 40")
    run = read_foreign([stacks], [], shop)
    assert "no longer in the sources, so nothing is advised on them: find (shop/service.py)" in say(run)
    assert not any(function == "find" for _, function in find_advice(run))
    (gone,) = (spot for spot in merge_run(run).functions if spot.name == "find")
    assert gone.file.endswith(STALE)
    assert gone.cost.spent_share == pytest.approx(0.6)


def test_several_files_have_a_label_each_and_outliers_are_named(shop: Path) -> None:
    usual = ("find (/app/shop/service.py:7) 50", "Shop.total (/app/shop/service.py:14) 950")
    odd = ("find (/app/shop/service.py:7) 700", "Shop.total (/app/shop/service.py:14) 300")
    files = [write_stacks(shop, *lines, name=f"web{n}.raw") for n, lines in enumerate((usual, usual, odd), start=1)]
    run = read_foreign(files, [], shop)
    assert [origin.label for origin in run.origins] == ["web1", "web2", "web3"]
    assert {thread.label for thread in merge_run(run).threads} == {"web1", "web2", "web3"}
    assert merge_run(run).samples == 3_000
    assert "find (shop/service.py) takes 70 % of web3, and 5 % of the others" in say(run)
    assert "of web1" not in say(run)


def test_what_a_profile_does_not_hold_is_said(project: Path) -> None:
    said = say(read_foreign([CAPTURES / "tachyon-3.15.2/run.pstats"], [], project))
    assert "recorded by tachyon" in said
    assert "does not hold: lines; threads; stacks" in said


def test_waiting_that_stacks_show_is_not_computing(shop: Path) -> None:
    library = "/usr/lib/python3.14"
    idle = ";".join(
        (
            f"run ({library}/threading.py:1)",
            f"_worker ({library}/concurrent/futures/thread.py:90)",
            f"get ({library}/queue.py:1)",
        )
    )
    stacks = write_stacks(
        shop, f"thread (7): pool;{idle} 80", "thread (1): MainThread;find (/app/shop/service.py:7) 20"
    )
    merged = merge_run(read_foreign([stacks], [], shop))
    assert (merged.cpu_ns, merged.idle_ns) == (200_000_000, 800_000_000)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "it is empty"),
        (b"%PDF-1.7 \x00", "no reader recognizes it"),
        (b"PERFILE2rest", "perf's binary format"),
        (b"MOJ\x03", "austin's binary format"),
        (b'{"$schema": "https://www.speedscope.app/file-format-schema.json", "profiles": [', "breaks off"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_error_that_names_it(shop: Path, data: bytes, message: str) -> None:
    path = shop / "odd.bin"
    path.write_bytes(data)
    with pytest.raises(FormatError, match=message) as caught:
        load_any([str(path)], [], shop)
    assert str(path) in caught.value.message
    assert message == "breaks off" or caught.value.hint


def test_a_file_that_is_not_there_is_an_error(shop: Path) -> None:
    stacks = write_stacks(shop, "find (a.py:1) 1")
    with pytest.raises(UsageError, match=r"gone\.pprof is not a file"):
        load_any([str(stacks), "gone.pprof"], [], shop)


def test_scalene_json_is_not_mistaken_for_another_tools(project: Path) -> None:
    run = read_foreign([CAPTURES / "scalene-2.4.0/memory.json"], [], project)
    assert run.origins[0].format == "scalene"
    elapsed = json.loads((CAPTURES / "scalene-2.4.0/memory.json").read_text())["elapsed_time_sec"]
    assert merge_run(run).busy_ns / 1e9 == pytest.approx(elapsed, rel=0.01)
