"""A query that a loop reaches through helpers is named with its loop, on a real run."""

import pytest

pytestmark = pytest.mark.slow
PROGRAM = """
    import sqlite3

    class Repo:
        def __init__(self):
            self.db = sqlite3.connect(":memory:")
            self.db.execute("create table customers (id integer, name text)")
            self.db.executemany("insert into customers values (?, ?)", ((n, f"n{n}") for n in range(2000)))

        def find(self, key):
            return self.db.execute("select name from customers where id = ?", (key,)).fetchone()[0]

    def label(repo, order):
        return f"{order}: {repo.find(order)}"

    def report(repo, orders):
        lines = []
        for order in orders:
            lines.append(label(repo, order))
        return lines

    print(len(report(Repo(), range(2000))))
"""


@pytest.mark.parametrize("options", [(), ("--lines",)])
def test_a_query_behind_two_helpers_is_the_first_suggestion(runner, options):
    path = runner.write(PROGRAM)
    ran = runner.whet(path, options=["--rate", "400", *options])
    assert (ran.status, ran.stdout) == (0, b"2000\n"), ran.words
    first = ran.report["advice"][0]
    assert (first["rule"], first["line"]) == ("query-in-loop", 11)
    times = "2,000 times" if options else "for each item"
    assert f"The loop in report (line 18), through label(), asks sqlite3 here {times}" in first["message"]
