"""Tables as a terminal shows them; rich is imported when one is drawn, and not before."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table


def make_table(title: str, *columns: str) -> "Table":
    from rich.table import Table

    table = Table(title=title)
    for column in columns:
        table.add_column(column)
    return table


def show_table(table: "Table") -> None:
    from rich.console import Console

    Console(width=100).print(table)
