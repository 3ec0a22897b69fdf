"""Tables as files for a spreadsheet, CSV or XLSX; no cell is ever a formula, whatever was typed into a name."""

import csv
import io
from collections.abc import Iterable, Sequence

import xlsxwriter

Cell = str | int
# Source: OWASP, CSV Injection (2026): a cell that begins so is run by spreadsheets.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
TYPES = {"csv": "text/csv", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}


def harmless(cell: Cell) -> Cell:
    """A text that a spreadsheet would run gets an apostrophe in front; numbers are numbers."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def as_csv(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """With the mark by which Excel knows UTF-8."""
    out = io.StringIO()
    lines = csv.writer(out)
    lines.writerow(head)
    lines.writerows([harmless(cell) for cell in row] for row in rows)
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def as_xlsx(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    out = io.BytesIO()
    # Texts stay texts: neither a formula nor a link is made of one.
    plain = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(out, plain) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, head)
        for number, row in enumerate(rows, 1):
            for column, cell in enumerate(row):
                if isinstance(cell, int):
                    sheet.write_number(number, column, cell)
                else:
                    sheet.write_string(number, column, str(harmless(cell)))
        sheet.freeze_panes(1, 0)
    return out.getvalue()


def as_sheet(kind: str, head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    return as_csv(head, rows) if kind == "csv" else as_xlsx(head, rows)
