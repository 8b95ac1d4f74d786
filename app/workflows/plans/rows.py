"""The texts that many runs are made from: a list with one value a line, and a table (CSV) with a header.

    read_lines("a red dune\\na blue dune\\n")       # ("a red dune", …); empty lines are left out
    table = read_table("text,seed\\n沙丘,7\\n")       # header ("text", "seed"), rows ((2, ("沙丘", "7")),)

Invalid rows are refused together, each by its line in the text.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

from app.core.errors import BadPlan, RowFault

MAX_TEXT = 8_000_000  # characters
MAX_FIELD = 100_000  # characters of one value; csv's own bound is 131,072
MAX_COLUMNS = 100
MOST_LISTED = 20  # faults; of more invalid rows, the first are listed
DELIMITERS = (",", "\t", ";")  # the last two are written by spreadsheets in some countries

Row = tuple[int, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class PlanTable:
    """A header, and the rows with the number of the line each begins on (1 is the first of the text)."""

    header: tuple[str, ...]
    rows: tuple[Row, ...]


class RowFaults:
    """Collects the errors, row by row."""

    def __init__(self) -> None:
        self._found: list[RowFault] = []
        self._count = 0

    def add(self, row: int, cause: str, *, name: str = "", detail: str = "") -> None:
        """Add an error."""
        self._count += 1
        if len(self._found) < MOST_LISTED:
            self._found.append(RowFault(row, cause, name, detail))

    def raise_any(self) -> None:
        """Raise BadPlan(bad-rows) if there are errors."""
        if self._found:
            raise BadPlan("bad-rows", detail=str(self._count), faults=tuple(self._found))


def read_lines(text: str) -> tuple[str, ...]:
    """The lines of a text without empty ones, and without surrounding spaces."""
    _expect_size(text)
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    found = tuple(line.strip() for line in lines if line.strip())
    if not found:
        raise BadPlan("empty-plan")
    faults = RowFaults()
    for number, line in enumerate(found, 1):
        if len(line) > MAX_FIELD:
            faults.add(number, "too-long", detail=str(len(line)))
    faults.raise_any()
    return found


def read_row(line: str) -> tuple[str, ...]:
    """The values of one line, separated by commas, without surrounding spaces; empty ones are left out."""
    try:
        fields = next(csv.reader([line], strict=True, skipinitialspace=True))
    except csv.Error as error:
        raise BadPlan("bad-rows", detail="1", faults=(RowFault(1, "bad-quotes", detail=str(error)),)) from error
    return tuple(field.strip() for field in fields if field.strip())


def read_table(text: str) -> PlanTable:
    """A table with its header; quotes, commas and line breaks within quotes as in RFC 4180. Empty lines are left out.

    BadPlan: empty-plan, bad-header, bad-rows (each with bad-quotes, row-length or too-long).
    """
    _expect_size(text)
    plain = text.removeprefix("\ufeff")
    reader = csv.reader(io.StringIO(plain, newline=""), delimiter=_delimiter(plain), strict=True, skipinitialspace=True)
    faults, rows = RowFaults(), list[Row]()
    began = 1
    while True:
        try:
            fields = next(reader, None)
        except csv.Error as error:  # the rest of the text has no clear rows
            faults.add(began, "bad-quotes", detail=str(error))
            break
        if fields is None:
            break
        if any(field.strip() for field in fields):
            rows.append((began, tuple(fields)))
        began = reader.line_num + 1
    faults.raise_any()
    if not rows:
        raise BadPlan("empty-plan")
    return _checked(tuple(name.strip() for name in rows[0][1]), rows[1:], faults)


def _checked(header: tuple[str, ...], rows: list[Row], faults: RowFaults) -> PlanTable:
    _expect_header(header)
    for number, fields in rows:
        if len(fields) != len(header):
            faults.add(number, "row-length", name=str(len(header)), detail=str(len(fields)))
        for name, field in zip(header, fields, strict=False):
            if len(field) > MAX_FIELD:
                faults.add(number, "too-long", name=name, detail=str(len(field)))
    faults.raise_any()
    if not rows:
        raise BadPlan("empty-plan")
    return PlanTable(header, tuple(rows))


def _expect_header(header: tuple[str, ...]) -> None:
    if len(header) > MAX_COLUMNS:
        raise BadPlan("bad-header", detail=str(len(header)))
    for index, name in enumerate(header):
        if not name or name in header[:index]:
            raise BadPlan("bad-header", name, str(index + 1))


def _delimiter(text: str) -> str:
    """The delimiter in the header: the comma, unless it has none and has another one."""
    header = text.lstrip().partition("\n")[0]
    return next((mark for mark in DELIMITERS if mark in header), ",")


def _expect_size(text: str) -> None:
    if len(text) > MAX_TEXT:
        raise BadPlan("plan-too-large", detail=str(len(text)))
