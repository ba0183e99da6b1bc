"""Columns of a table node, with what each means; and the same table as CSV."""

from __future__ import annotations

import csv
import math
from typing import Any

import vtk

from seghirescam.protocol.csv_text import cell


def setColumns(tableNode: Any, columns: Any) -> None:
    """Fills an empty table node and locks it.

    columns: (title, meaning, values): all of them str, or numbers of which None becomes NaN.
    """
    wasModifying = tableNode.StartModify()
    for title, meaning, values in columns:
        words = any(isinstance(value, str) for value in values)
        column = vtk.vtkStringArray() if words else vtk.vtkDoubleArray()
        column.SetName(title)
        for value in values:
            column.InsertNextValue(value if words else math.nan if value is None else value)
        tableNode.AddColumn(column)
        tableNode.SetColumnDescription(title, meaning)
    tableNode.SetLocked(True)
    tableNode.EndModify(wasModifying)


def writeCsv(tableNode: Any, path: Any) -> None:
    """The table with one line of titles; numbers to the last digit, empty where there is none. Raises OSError.

    Text stays text where a spreadsheet opens the file, see :func:`seghirescam.protocol.csv_text.cell`.
    """
    columns = [tableNode.GetTable().GetColumn(n) for n in range(tableNode.GetNumberOfColumns())]
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([_text(column.GetName()) for column in columns])
        for row in range(tableNode.GetNumberOfRows()):
            writer.writerow([_text(column.GetValue(row)) for column in columns])


def _text(value: str | float) -> str:
    if isinstance(value, str):
        return cell(value)
    return "" if math.isnan(value) else repr(float(value))
