"""Every number of the oddest lines of the cases shown, and where their evidence lies by label."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from ...cohort.run_folder import BY_LABEL, RunFolder
from ...cohort.table.read_back import Line, lines_of, number_names
from ...figures.report.page import Cell, Table, number, words
from .run_answers import Answer, Case, map_of, numbered

#: lines of one case, structures of one line
MOST_LINES, MOST_STRUCTURES = 6, 12


@dataclass
class Details:
    """lines: of the table, by (question, number within it).  structures: by what both tables have in common."""

    names: list[str]
    lines: dict[tuple, Line]
    structures: dict[tuple, list[Line]]

    @staticmethod
    def of(run: RunFolder, cases: list[Case]) -> Details:
        """One more pass over both tables, of which only what is shown is kept. Raises OutputError."""
        wanted = {(one.question, one.place) for case in cases for one in _shown(case)}
        lines, names = {}, []
        for place, line in numbered(run):
            names = names or number_names(list(line.row))
            if not line.failed and (line.question, place) in wanted:
                lines[line.question, place] = line
        maps = {map_of(line, line.text("label")) for line in lines.values()}
        structures = defaultdict(list)
        for line in lines_of(run, BY_LABEL):
            if (key := map_of(line, line.text("map"))) in maps:
                structures[key].append(line)
        return Details(names, lines, structures)

    def tables(self, case: Case, called: Callable[[Answer], str]) -> tuple[tuple[str, Table], ...]:
        shown = [one for one in _shown(case) if (one.question, one.place) in self.lines]
        if not shown:
            return ()
        lines = [self.lines[one.question, one.place] for one in shown]
        heads = tuple(map(called, shown))
        first = "" if len(shown) == len(case.answers) else f" of the {len(shown)} oddest lines"
        found = [(f"Every number{first}", self._numbers(lines, heads))]
        if any(map_of(line, line.text("label")) in self.structures for line in lines):
            found.append((f"Evidence by label{first}", self._by_label(lines, heads)))
        return tuple(found)

    def _numbers(self, lines: list[Line], heads: tuple[str, ...]) -> Table:
        rows = []
        for name in self.names:
            told = [line.number(name) for line in lines]
            if any(one.status for one in told):
                cells = [number(name, o.value, o.unit, o.status, o.chance, o.lift) for o in told]
                rows.append((words(name.replace("_", " ")), *cells))
        return Table(("Number", *heads), rows, (False, *(True for _ in heads)))

    def _by_label(self, lines: list[Line], heads: tuple[str, ...]) -> Table:
        cells: dict[str, dict[int, Cell]] = {}
        for n, line in enumerate(lines):
            for one in self.structures.get(map_of(line, line.text("label")), ()):
                share = one.number("share")
                told = number("share", share.value, share.unit, share.status, share.chance, share.lift)
                cells.setdefault(one.text("label"), {})[n] = told
        most = sorted(cells, key=lambda name: -max((cell.value or 0.0) for cell in cells[name].values()))
        rows = [
            (words(name), *(cells[name].get(n, words("")) for n in range(len(lines))))
            for name in most[:MOST_STRUCTURES]
        ]
        note = (
            f"{MOST_STRUCTURES} of {len(most)} labels, those with the largest shares." if len(most) > len(rows) else ""
        )
        return Table(("Share of the positive evidence in", *heads), rows, (False, *(True for _ in heads)), note)


def _shown(case: Case) -> list[Answer]:
    return [one for one in case.answers if not one.failed][:MOST_LINES]
