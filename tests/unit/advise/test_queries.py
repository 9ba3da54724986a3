"""Queries in loops, from stacks: the loop, the helper, the line, the driver and its remedy; silence elsewhere."""

import pytest
from tests.unit.advise.test_measured import BUSY, SECOND, hotspots, line, run, said

from whet.advise import advise
from whet.model.finding import Finding, Safety, Speed
from whet.model.frame import Frame, Owner
from whet.model.metric import Metric
from whet.model.profile import ROOT, Profile, Samples, StackTable
from whet.model.run import SourceFile

FILE = "/p/a.py"
LIBRARY = "/v/lib/python3.13/site-packages"


def frame(line, name="f", file=FILE, owner=Owner.USER):
    return Frame(file, name, line, 1, owner)


def library(path, name):
    return frame(1, name, f"{LIBRARY}/{path}", Owner.DEPENDENCY)


def profile(*stacks, metric=Metric.WAITING):
    """Stacks are outermost first, each of the same time."""
    frames, parent, frame_of, ends = [], [], [], []
    for stack in stacks:
        above = ROOT
        for each in stack:
            frames.append(each)
            parent.append(above)
            frame_of.append(len(frames) - 1)
            above = len(parent) - 1
        ends.append(above)
    values = [4 * SECOND // len(stacks)] * len(stacks)
    return Profile(
        "py-spy",
        tuple(frames),
        StackTable(tuple(parent), tuple(frame_of)),
        samples=(Samples(metric, 0, tuple(ends), tuple(values), 40),),
    )


def find(text, *stacks, at=2, hits=None, **others):
    made = run(*text.splitlines(), profiles=(profile(*stacks),))
    sources = {**made.sources, **{file: SourceFile(file, file[3:], "", source) for file, source in others.items()}}
    made = type(made)(**{**{name: getattr(made, name) for name in made.__dataclass_fields__}, "sources": sources})
    spot = line(at, waiting_ns=4 * SECOND, samples=40, hits=hits)
    return said(made, hotspots(spot)).get("query-in-loop")


LAZY = """\
def title(order):
    return order.customer.name
def report(orders):
    for order in orders:
        print(title(order))
"""
CALLERS = (frame(5, "report"), frame(2, "title"))


def test_a_lazy_load_names_loop_helper_and_remedy():
    item = find(
        LAZY,
        (*CALLERS, library("sqlalchemy/orm/attributes.py", "InstrumentedAttribute.__get__"),
         library("sqlalchemy/orm/strategies.py", "LazyLoader._load_for_state"),
         library("psycopg/cursor.py", "Cursor.execute")),
    )  # fmt: skip
    assert item.finding.line == 2
    message = item.finding.message
    assert "The loop in report (line 4), through title(), asks SQLAlchemy here for each item: 4.0 s, 40 %" in message
    assert "selectinload" in message
    assert item.share == pytest.approx(4 * SECOND / BUSY)


@pytest.mark.parametrize(
    ("frames", "name", "remedy"),
    [
        ([("django/db/models/fields/related_descriptors.py", "ForwardManyToOneDescriptor.__get__")],
         "Django's ORM", "select_related()"),
        ([("django/db/models/fields/related_descriptors.py", "create_reverse_many_to_one_manager.x")],
         "Django's ORM", "prefetch_related()"),
        ([("django/db/models/base.py", "Model.save")], "Django's ORM", "bulk_create()"),
        ([("sqlalchemy/orm/session.py", "Session.get"), ("pymysql/cursors.py", "Cursor.execute")],
         "SQLAlchemy", "in_(ids)"),
        ([("pymongo/collection.py", "Collection.find_one")], "pymongo", "$in"),
        ([("requests/api.py", "get"), ("urllib3/connectionpool.py", "urlopen")], "requests", "Session"),
        ([("httpx/_api.py", "get"), ("httpcore/_sync/connection.py", "x")], "httpx", "httpx.Client"),
        ([("botocore/client.py", "_api_call")], "boto3", "batch"),
        ([("pymysql/cursors.py", "Cursor.execute")], "the MySQL driver", "executemany()"),
    ],
)  # fmt: skip
def test_each_library_has_its_own_terms(frames, name, remedy):
    message = find(LAZY, (*CALLERS, *(library(*each) for each in frames))).finding.message
    assert f"asks {name} here" in message
    assert remedy in message


def test_a_library_is_known_by_a_path_that_begins_with_it():
    """As py-spy shortens them."""
    item = find(LAZY, (*CALLERS, frame(1, "Model.save", "django/db/models/base.py", Owner.DEPENDENCY)))
    assert "asks Django's ORM here" in item.finding.message


@pytest.mark.parametrize(("speed", "rules"), [("c", ["query-in-loop"]), ("∞", ["some-rule"])])
def test_a_query_for_each_item_weighs_more_than_a_tidier_loop(speed, rules):
    text = "def report(orders):\n    for order in orders:\n        names.append(order.customer.name)\n"
    save = library("django/db/models/base.py", "Model.save")
    made = run(*text.splitlines(), profiles=(profile((frame(3, "report"), save)),))
    found = Finding(
        "some-rule", FILE, 2, 3, 4, "report", 1, "Title", "Message", Safety.SAFE, Speed(speed), lines=(2, 3)
    )
    spots = hotspots(line(3, waiting_ns=4 * SECOND, samples=400))
    said_of = [item.finding.rule for item in advise(made, spots, (found,)) if item.finding.lines]
    assert said_of == rules


COMPILED = """\
class Repo:
    def find(self, key): return self.db.execute("select a from t where id = ?", (key,)).fetchone()
def report(repo, keys):
    return [repo.find(key) for key in keys]
"""


def test_a_module_that_bears_a_driver_s_name_in_another_package_is_none():
    for file in ("sqlglot/dialects/mysql.py", "celery/backends/redis.py", "pip/_vendor/requests/api.py"):
        assert find(LAZY, (*CALLERS, library(file, "Parser.parse"))) is None


def test_a_compiled_driver_is_told_by_the_line_that_calls_it():
    stack = (frame(4, "report"), frame(2, "Repo.find"))
    others = {"/p/db.py": "import sqlite3\n"}
    item = find(COMPILED, stack, **others)
    assert "The loop in report (line 4), through find(), asks sqlite3 here for each item" in item.finding.message
    assert find(COMPILED, stack) is None  # whose execute() it is stands nowhere


def test_the_time_of_a_compiled_driver_is_no_candidate_for_native_code():
    made = run("import sqlite3", "db.execute(q)")
    assert "native-candidate" not in said(made, hotspots(line(2, self_ns=8 * SECOND, attributed_ns=8 * SECOND)))


def test_counts_are_told_where_there_are_any_and_few_are_no_matter():
    stack = (*CALLERS, library("pymysql/cursors.py", "Cursor.execute"))
    message = find(LAZY, stack, hits=1500).finding.message
    assert "here 1,500 times" in message
    assert "few and long" not in message
    assert "few and long" in find(LAZY, stack).finding.message
    assert find(LAZY, stack, hits=3) is None


DIRECT = """\
def f(cursor):
    {loop}
        cursor.fetchmany(1000)
"""


def test_reading_in_blocks_polling_and_what_no_loop_repeats_are_passed_over():
    execute = library("pymysql/cursors.py", "Cursor.fetchmany")
    assert find(DIRECT.format(loop="while True:"), (frame(3), execute), at=3) is None
    assert find(DIRECT.format(loop="for x in y:"), (frame(3), execute), at=3) is not None
    assert find(DIRECT.format(loop="if x:"), (frame(3), execute), at=3) is None
    rows = "for row in cursor.execute(q):\n    pass"
    assert find(rows, (frame(1), execute), at=1) is None
    polled = "while not done():\n    ask()\ndef ask():\n    requests.get(u)"
    stack = (frame(2, "<module>"), frame(4, "ask"), library("requests/api.py", "get"))
    assert find(polled, stack, at=4) is None


def test_a_loop_far_outside_is_that_of_a_server():
    text = "for job in jobs:\n    f()\ndef f():\n    f()"
    stack = (frame(2, "<module>"), *[frame(4)] * 9, library("pymysql/cursors.py", "Cursor.execute"))
    assert find(text, stack, at=4) is None


def test_the_loop_may_stand_in_another_file():
    other = "for order in orders:\n    title(order)\n"
    stack = (frame(2, "<module>", "/p/main.py"), frame(2, "title"), library("redis/client.py", "Redis.get"))
    message = find(LAZY, stack, **{"/p/main.py": other}).finding.message
    assert "(line 1 of main.py), through title()," in message
    assert "pipeline()" in message
