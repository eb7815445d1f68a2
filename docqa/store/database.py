"""One SQLite file: connections of threads, transactions, migrations, errors.

WAL with synchronous=FULL: what a transaction was left behind is on the disk. Every write is one BEGIN IMMEDIATE
transaction. The only module that imports sqlite3. Not here: what is kept (`catalog`, `ledger`, `chats`, `watched`).
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from docqa.errors import DiskFull, StoreBusy, StoreDamaged, StoreTooNew
from docqa.store.schema import MIGRATIONS
from docqa.types import Problem

_BUSY_SECONDS = 30.0
_ROOM = 1 << 16  #: bytes: the shared-memory file of SQLite's WAL begins with 32 kB

Row = sqlite3.Row  #: what a read gives
Sql = sqlite3.Connection  #: an open transaction


class Database:
    """May be used from several threads and processes at once."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._local = threading.local()
        self._migrate()

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self._file, timeout=_BUSY_SECONDS, isolation_level=None)
            connection.row_factory = sqlite3.Row
            _switch_to_wal(connection)
            for pragma in ("synchronous = FULL", "foreign_keys = ON"):
                connection.execute(f"PRAGMA {pragma}")
            self._local.connection = connection
        return connection

    def read(self, statement: str, values: Sequence[object] | dict[str, object] = ()) -> list[Row]:
        """Everything a query finds. Raises StoreError."""
        with _converted(self._file):
            return self._connection().execute(statement, values).fetchall()

    @contextmanager
    def write(self) -> Iterator[Sql]:
        """One transaction: committed at the end, rolled back by an error. Raises StoreError."""
        with _converted(self._file):
            connection = self._connection()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            finally:  # whatever happened, the transaction must not stay open in this thread
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    def _migrate(self) -> None:
        version = int(self.read("PRAGMA user_version")[0][0])
        if version > len(MIGRATIONS):
            raise StoreTooNew(f"{self._file} was written by a newer docqa (schema {version}).")
        for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
            with self.write() as sql:  # a migration and the record of it commit together
                if int(sql.execute("PRAGMA user_version").fetchone()[0]) >= number:
                    continue  # another process was faster
                for statement in _statements(script):
                    sql.execute(statement)
                sql.execute(f"PRAGMA user_version = {number}")


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Use WAL. Of two that switch a new file at once, SQLite tells one that it is busy without making it wait."""
    end = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.01)


@contextmanager
def _converted(file: Path) -> Iterator[None]:
    """Turn what sqlite3 raises into this program's errors."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_FULL or (_no_file_made(error) and _is_full(file.parent)):
            raise DiskFull(f"There is no space left for {file}.") from error
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise StoreBusy(f"{file} is held by another process.") from error
        raise StoreDamaged(f"{file} cannot be used: {error}.") from error
    except sqlite3.DatabaseError as error:
        raise StoreDamaged(f"{file} cannot be used: {error}.") from error


def _no_file_made(error: sqlite3.OperationalError) -> bool:
    return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)


def _is_full(folder: Path) -> bool:
    """Whether a file system has no room for another file: where SQLite cannot make its own, it does not say why."""
    try:
        space = os.statvfs(folder)
    except OSError:
        return False
    return space.f_bavail * space.f_frsize < _ROOM or not space.f_favail


def _statements(script: str) -> Iterator[str]:
    lines: list[str] = []
    for line in script.splitlines():
        lines.append(line)
        if sqlite3.complete_statement("\n".join(lines)):
            yield "\n".join(lines)
            lines = []


def now() -> str:
    """This moment, ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def problem_of(row: Row) -> Problem | None:
    """The problem in the three columns that every table has them in."""
    code = row["problem_code"]
    return None if code is None else Problem(code, row["problem_message"], row["problem_hint"])


def problem_columns(problem: Problem | None) -> tuple[str | None, str | None, str | None]:
    """The three columns of a problem."""
    return (None, None, None) if problem is None else (problem.code, problem.message, problem.hint)
