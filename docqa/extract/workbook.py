"""A table as a workbook (XLSX)."""

from __future__ import annotations

from collections.abc import Sequence

from docqa.extract.table import Row, RunSheet
from docqa.types import FieldSpec


def xlsx_bytes(fields: Sequence[FieldSpec], rows: Sequence[Row], sheet: RunSheet, address: str | None = None) -> bytes:
    """The workbook as the bytes of its file."""
    raise NotImplementedError
