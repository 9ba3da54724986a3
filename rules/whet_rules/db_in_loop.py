"""Query the database once for many rows.

## What
`cursor.execute("INSERT …", row)` in a loop: `cursor.executemany("INSERT …", rows)`. A query in a loop: one query for
all keys, with `IN (…)` or a join, and a dict of the results. So it is for one object after the other:
`session.get(Model, key)`, `Model.objects.get(pk=key)`, `collection.find_one({"_id": key})`, as advice on hot lines.

## Why
Each statement costs a round trip and a parse of its own; with a server on another machine that is most of its time.

## When not
Where each statement needs the result of the previous one, and where the loop commits on purpose so that a failure loses
little. With `executemany` there is no `lastrowid`, and `rowcount` is that of all rows.

## Source
PEP 249, `executemany`: "Prepare a database operation and then execute it against all parameter sequences".
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from whet.engine.api import Advise, Case, Context, Finding, Refuse, Rewrite, Rule, Safety, Speed, Triggers

RULE = Rule(
    slug="db-in-loop",
    title="One database query per row (N+1)",
    family="io",
    safety=Safety.OFFER,
    speed=Speed.ASYMPTOTIC,
    triggers=Triggers(
        nodes=frozenset({ast.Call}),
        imports=frozenset(
            {
                *("sqlite3", "psycopg", "psycopg2", "pymysql", "MySQLdb", "mysql.connector", "oracledb", "cx_Oracle"),
                *("pyodbc", "duckdb", "mariadb", "pymssql", "sqlalchemy", "sqlalchemy.orm", "pymongo"),
                *("django.db", "django.db.models", "django.contrib.auth.models"),
            }
        ),
        words=frozenset({"execute", "find_one", "get"}),
    ),
)

_CHANGES = re.compile(r"\s*(insert|update|delete|replace)\b(?!.*\breturning\b)", re.IGNORECASE | re.DOTALL)
_QUERIES = re.compile(r"\s*select\b", re.IGNORECASE)


def detect(context: Context) -> Iterator[Finding]:
    """Yield each statement with parameters that a loop executes one by one."""
    for call in context.nodes(ast.Call):
        if context.measured:
            yield from _advise(context, call)
        match call:
            case ast.Call(func=ast.Attribute(value=cursor, attr="execute"), args=[statement, parameters], keywords=[]):
                sql = context.constant(statement)
            case _:
                continue
        loops = [loop for loop in context.loops(call) if isinstance(loop, ast.For | ast.comprehension)]
        if not isinstance(sql, str) or not loops or not _varies(context, parameters, loops[0]):
            continue
        if _CHANGES.match(sql):
            rewrite = _rewrite(context, call, cursor, parameters, loops[0])
            message = (
                "The loop sends one row per statement: executemany() sends all of them at once. After an error, another"
                " part of the rows may have been written, and lastrowid is not set."
            )
            yield context.finding(call, message, rewrite=rewrite)
        elif _QUERIES.match(sql):
            message = (
                "The loop runs one query per key: query once for all keys (IN, a join) and look the rows up in a dict."
            )
            yield context.finding(call, message, safety=Safety.ADVICE)


def _advise(context: Context, call: ast.Call) -> Iterator[Finding]:
    """Yield a call that gets one object by its key, in a loop over keys."""
    match call:
        case ast.Call(func=ast.Attribute(attr="find_one"), args=[ast.Dict() as asked, *_]):
            instead = 'one find({"_id": {"$in": keys}})'
        case ast.Call(func=ast.Attribute(value=ast.Attribute(attr="objects"), attr="get"), args=[]) if call.keywords:
            asked, instead = call.keywords[0].value, "in_bulk(keys), or one filter(pk__in=keys)"
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id=session) | ast.Attribute(attr=session), attr="get"),
            args=[ast.Name() | ast.Attribute(), asked, *_],
        ) if session.lower().endswith("session"):
            instead = "one select(...).where(key.in_(keys))"
        case _:
            return
    loops = [loop for loop in context.loops(call) if isinstance(loop, ast.For | ast.comprehension)]
    if loops and _varies(context, asked, loops[0]):
        yield context.finding(
            call,
            f"The loop gets one object per query: use {instead}, and look the objects up in a dict.",
            safety=Safety.ADVICE,
        )


def _varies(context: Context, parameters: ast.expr, loop: ast.AST) -> bool:
    """Return whether the loop's own variables are used in the statement."""
    target = loop.target if isinstance(loop, ast.For | ast.comprehension) else None
    names = {n.id for n in ast.walk(target) if isinstance(n, ast.Name)} if target is not None else set()
    names |= set(context.written_in(loop))
    return any(isinstance(n, ast.Name) and n.id in names for n in ast.walk(parameters))


def _rewrite(context: Context, call: ast.Call, cursor: ast.expr, parameters: ast.expr, loop: ast.AST) -> Rewrite:
    rewrite = context.rewrite()
    match loop:
        case ast.For(target=target, iter=rows, body=[ast.Expr(value=only)], orelse=[]) if only is call:
            used = {ast.unparse(n) for n in ast.walk(rows) if isinstance(n, ast.Name | ast.Attribute)}
            cursors = [n for n in context.nodes(ast.Attribute) if n.attr in ("lastrowid", "rowcount")]
            if ast.unparse(cursor) in used or cursors:
                rewrite.refuse("the cursor is used elsewhere in the loop")
            elif not _has_executemany(context, cursor):
                rewrite.refuse("the object may have no executemany")
            elif not context.keeps_its_variables(loop):
                rewrite.refuse("the loop variable is used after the loop")
            elif not context.is_pure(parameters):
                rewrite.refuse("computing the parameters may have side effects")
            else:
                as_they_are = isinstance(target, ast.Name) and ast.unparse(parameters) == target.id
                made = rewrite.text(parameters) if isinstance(parameters, ast.Tuple) else rewrite.operand(parameters)
                each = f"({made} for {ast.unparse(target).strip('()')} in {rewrite.operand(rows)})"
                given = rewrite.text(rows) if as_they_are else each
                statement = rewrite.text(call.args[0])
                rewrite.replace(loop, f"{rewrite.operand(cursor)}.executemany({statement}, {given})")
        case _:
            rewrite.refuse("the loop does more than that")
    return rewrite


def _has_executemany(context: Context, cursor: ast.expr) -> bool:
    """Return whether it is a cursor, judged by the call that created it; a sqlite3 connection has the method too."""
    place = context.place(cursor)
    made = [binding.value for binding in place.bindings] if place is not None else []
    return bool(made) and all(
        isinstance(value, ast.Call)
        and (
            (isinstance(value.func, ast.Attribute) and value.func.attr == "cursor")
            or context.resolve(value.func) == "sqlite3.connect"
        )
        for value in made
    )


CASES = (
    Case(
        name="rows as they are, and rows that are put together",
        before="""
import sqlite3

def store(rows):
    db = sqlite3.connect(":memory:")
    db.execute("create table t (a, b)")
    cursor = db.cursor()
    for row in rows:
        cursor.execute("INSERT INTO t VALUES (?, ?)", row)
    for name, count in rows:
        db.execute("update t set b = ? where a = ?", (count + 1, name))
    found = db.execute("select a, b from t order by a").fetchall()
    db.close()
    return found
""",
        after="""
import sqlite3

def store(rows):
    db = sqlite3.connect(":memory:")
    db.execute("create table t (a, b)")
    cursor = db.cursor()
    cursor.executemany("INSERT INTO t VALUES (?, ?)", rows)
    db.executemany("update t set b = ? where a = ?", ((count + 1, name) for name, count in rows))
    found = db.execute("select a, b from t order by a").fetchall()
    db.close()
    return found
""",
        call="store",
        inputs=("([('a', 1), ('b', 2)],)", "([],)"),
    ),
    Case(
        name="a query for each key: advice",
        before="""
import sqlite3

def names(db, keys):
    return [db.execute("SELECT name FROM t WHERE id = ?", (key,)).fetchone()[0] for key in keys]

def run():
    db = sqlite3.connect(":memory:")
    db.execute("create table t (id, name)")
    db.executemany("insert into t values (?, ?)", [(1, "a"), (2, "b")])
    found = names(db, [2, 1])
    db.close()
    return found
""",
        after="""
import sqlite3

def names(db, keys):
    marks = ", ".join("?" * len(keys))
    found = dict(db.execute(f"SELECT id, name FROM t WHERE id IN ({marks})", keys))
    return [found[key] for key in keys]

def run():
    db = sqlite3.connect(":memory:")
    db.execute("create table t (id, name)")
    db.executemany("insert into t values (?, ?)", [(1, "a"), (2, "b")])
    found = names(db, [2, 1])
    db.close()
    return found
""",
        call="run",
        inputs=("()",),
    ),
)

ADVISE = (
    Advise("documents one by one",
           "import pymongo\ndef f(coll, ids):\n    return [coll.find_one({'_id': i}) for i in ids]\n"),
    Advise("objects of a model one by one",
           "from django.db import models\ndef f(Book, keys):\n    for key in keys:\n"
           "        print(Book.objects.get(pk=key))\n"),
    Advise("objects of a session one by one",
           "from sqlalchemy.orm import Session\ndef f(session, ids, User):\n"
           "    return [session.get(User, i) for i in ids]\n"),
)  # fmt: skip

REFUSE = (
    Refuse("the same object each time",
           "from sqlalchemy.orm import Session\ndef f(session, xs, User):\n"
           "    return [session.get(User, 1) for x in xs]\n"),
    Refuse("a dict's get", "import pymongo\ndef f(known, xs):\n    return [known.get(x, 0) for x in xs]\n"),
    Refuse("once", "import sqlite3\ndef f(db, row):\n    db.execute('insert into t values (?)', row)\n"),
    Refuse("the same each time",
           "import sqlite3\ndef f(db, xs, y):\n    for x in xs:\n"
           "        db.execute('insert into t values (?)', (y,))\n"),
    Refuse("the statement varies",
           "import sqlite3\ndef f(db, xs):\n    for x in xs:\n        db.execute(x, (x,))\n"),
    Refuse("no parameters", "import sqlite3\ndef f(db, xs):\n    for x in xs:\n        db.execute('drop table t')\n"),
    Refuse("no database", "import sqlite3\ndef f(pool, xs):\n    for x in xs:\n        pool.execute(g, x)\n"),
)  # fmt: skip

BENCH = None
