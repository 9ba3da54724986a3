"""Libraries that ask databases and services: how their frames are recognised, and how each asks for many at once."""

from __future__ import annotations

import re

from whet.records import dataclass


@dataclass(frozen=True, slots=True)
class Driver:
    """A library that asks others. ``files`` matches the paths of its frames, ``imports`` its name in an import."""

    name: str
    files: re.Pattern[str]
    advice: str
    is_database: bool = True
    special: tuple[tuple[re.Pattern[str], str], ...] = ()
    """Paths and names of frames, as ``path:name``, with the advice where one was seen."""


_SHELF = r"(site|dist)-packages[\\/]"


def _in(*packages: str) -> re.Pattern[str]:
    """Return what matches files of packages as they are installed: a module ``mysql`` of another one is no driver."""
    paths = "|".join(each.replace("/", r"[\\/]") for each in packages)
    return re.compile(rf"^(.*{_SHELF}|(?!.*{_SHELF})(.*[\\/])?)({paths})([\\/]|\.pyw?$)")


SQL = "Ask once, before the loop: one query with IN (…) or a join reads all rows, executemany() writes them"
DRIVERS = (
    Driver(
        "SQLAlchemy",
        _in("sqlalchemy"),
        "Select all rows at once, before the loop (`where(Model.id.in_(ids))`, a join), write them by"
        " `session.add_all()` or `session.execute(insert(Model), rows)`",
        special=(
            (re.compile(r"strategies\.py:.*(_load_for_state|_emit_lazyload)"),
             "A relationship is loaded lazily, one SELECT for each object: ask for it with the objects,"
             " `select(Model).options(selectinload(Model.relationship))`, or joinedload() for a single one"),
        ),
    ),
    Driver(
        "Django's ORM",
        _in("django/db"),
        "Read all rows at once, before the loop (`filter(pk__in=ids)`, in_bulk(), a join), write them by"
        " bulk_create() or bulk_update()",
        special=(
            (re.compile(r"related_descriptors\.py:.*Forward\w*\.(__get__|get_object)"),
             "A foreign key is followed, one SELECT for each object: ask for it with the objects, `select_related()`"),
            (re.compile(r"related_descriptors\.py:"),
             "Related objects are read, one SELECT for each object: ask for them with the objects,"
             " `prefetch_related()`"),
            (re.compile(r"base\.py:.*\b(save|save_base)$|query\.py:.*\bcreate$"),
             "Rows are saved one by one: bulk_create() and bulk_update() write many with one statement (no signals are"
             " sent, and save() is not called)"),
        ),
    ),
    Driver("peewee", _in("peewee", "playhouse"),
           "Read all rows at once by `prefetch()`, a join or `in_()`, write by `insert_many()`"),
    Driver("pymongo", _in("pymongo"),
           'Ask once, before the loop: find({"_id": {"$in": ids}}) reads many documents, insert_many() or bulk_write()'
           " writes them"),
    Driver("redis", _in("redis"), "Ask once: mget(), or a pipeline(), sends many commands with one round trip"),
    Driver("boto3", _in("boto3", "botocore"),
           "Use the service's calls for many (batch_get_item, batch_writer(), delete_objects, a paginator), create the"
           " client once, and let requests that do not need each other overlap (a thread pool)", is_database=False),
    Driver("requests", _in("requests"),
           "Keep the connection with one requests.Session, and let requests that do not need each other overlap (a"
           " thread pool)", is_database=False),
    Driver("httpx", _in("httpx", "httpcore"),
           "Keep the connection with one httpx.Client, or let requests overlap with httpx.AsyncClient",
           is_database=False),
    Driver("urllib", _in("urllib/request.py", "urllib3"),
           "Keep the connection (urllib3.PoolManager, requests.Session), and let requests that do not need each other"
           " overlap (a thread pool)", is_database=False),
    Driver("the MySQL driver", _in("pymysql", "MySQLdb", "mysql", "mariadb", "aiomysql"), SQL),
    Driver("psycopg", _in("psycopg", "psycopg2", "pg8000"), SQL),
    Driver("asyncpg", _in("asyncpg"), SQL),
    Driver("DuckDB", _in("duckdb"), SQL + "; better still, let the query itself join or aggregate"),
    Driver("sqlite3", _in("sqlite3", "aiosqlite"), SQL),
)  # fmt: skip
COMPILED = {
    "sqlite3": "sqlite3",
    "psycopg2": "psycopg",
    "duckdb": "DuckDB",
    "MySQLdb": "the MySQL driver",
    "mariadb": "the MySQL driver",
    "pyodbc": "pyodbc",
    "oracledb": "oracledb",
    "cx_Oracle": "cx_Oracle",
    "pymssql": "pymssql",
}
"""Drivers without frames of their own, by what is imported."""
IMPORTED = re.compile(rf"^[ \t]*(?:import|from)[ \t]+({'|'.join(COMPILED)})\b", re.MULTILINE)
BY_NAME = {driver.name: driver for driver in DRIVERS}
