"""The page of a cohort's run: what was asked, a summary, the odd cases with their maps, and every line."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from ... import __version__
from ...cohort.run_folder import CASES, PLAN, TABLE, RunFolder
from ...evaluation.metrics.ground import lift_text
from ...figures.report.odd import RULE, SHORT, told
from ...figures.report.page import NOTHING, Cell, Page, Section, Table, filled, number, words
from ...figures.style import percent
from ...protocol.writing.claims import OutputError
from .links import NO_LINKS, Links
from .run_answers import NUMBERS, Answer, Case, cases_of
from .run_details import Details
from .run_pictures import RunMaps, StoredMap, case_rows

#: of one case; of all of them together; rows of the summary
MOST_PICTURES, MOST_LINES, MOST_ODD, MOST_ALL, MOST_SUMS = 4, 40, 8, 20_000, 200
_NAMES = (
    "This report holds names: what the plan calls cases, files and models. It stays with whoever may know them; "
    "without --names a report holds hashes."
)
_HASHES = (
    "Cases are called by the hash of their image; cases.csv, which stays with its owner, tells which case is which."
)
_SCALE = (
    "Share inside: of the positive evidence, what lies in the pixel set; lift: that share beside the share that evenly "
    "spread evidence would have. Completeness: what the map adds up to, of the score. A number is ok where no word "
    "stands behind it; what could not be measured is told by a word instead of a number."
)


@dataclass
class RunPage:
    """most: cases that get a section of their own."""

    run: RunFolder
    maps: RunMaps
    links: Links
    names: bool
    most: int
    progress: object
    _models: dict[str, str] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)

    def page(self) -> Page:
        """Raises OutputError, DependencyError."""
        facts = self.run.facts()
        if facts is None:
            raise OutputError(f"The folder holds no {PLAN} of a cohort.", "Name the folder given to it as --out.")
        self.progress(0.0, "reading the tables")
        cases = cases_of(self.run)
        self._called = self._names() if self.names else {}
        chosen = cases[: self.most]
        details = Details.of(self.run, chosen)
        sections = []
        for n, case in enumerate(chosen):
            self.progress(0.1 + 0.8 * n / max(1, len(chosen)), f"case {n + 1} of {len(chosen)}")
            sections.append(self._section(case, details))
        answers = [one for case in cases for one in case.answers]
        images = [case for case in cases if case.name]
        odd = sum(bool(told(case.judged)) for case in images)
        failed = sum(one.failed for one in answers)
        lead = f"{_many(len(images), 'case')}, {_many(len(answers), 'line')} of results: {_many(odd, 'case')} with "
        lead += f"something odd, {_many(failed, 'question')} failed."
        return Page(
            title="What a cohort's models looked at",
            lead=lead,
            warning=_NAMES if self.names else "",
            facts=self._facts(facts, cases),
            rule=RULE,
            tables=(("Summary", self._summary(answers)),),
            sections=tuple(sections),
            sections_title="Cases, the odd ones first",
            sections_note=self._note(len(cases)),
            all=("Every line", self._all(cases, {one.name for one in sections})),
            notes=(_SCALE, *([] if self.names else [_HASHES]), *self._notes(), *sorted(self._told)),
            made_by=f"Made by seghirescam {__version__} from plan.json, table.csv and by_label.csv of a cohort's run.",
        )

    def _section(self, case: Case, details: Details) -> Section:
        shown = case.answers[:MOST_LINES]
        stored = {id(one): self.maps.of(one) for one in shown}
        pictures = []
        for one in shown:
            here = stored[id(one)]
            if here is None:
                continue
            self._know(one, here)
            if len(pictures) < MOST_PICTURES:
                what = self._line(one)
                picture, sentence = self.maps.picture(one, here, what)
                self._told |= {sentence} - {""}
                if picture is not None:
                    pictures.append(_captioned(picture, what))
        kept = sum(one is not None for one in stored.values())
        texts = []
        if kept > len(pictures):
            texts.append(f"Pictures of {len(pictures)} of {kept} maps, of the oddest lines.")
        if len(case.answers) > len(shown):
            texts.append(f"{len(shown)} of {len(case.answers)} lines; table.csv has them all.")
        odd = told(case.judged)
        odd = (*odd[:MOST_ODD], f"and {len(odd) - MOST_ODD} more") if len(odd) > MOST_ODD else odd
        return Section(
            case.anchor, self._title(case), odd, tuple(texts), self._lines(case, shown, stored), tuple(pictures),
            details.tables(case, self._line),
        )  # fmt: skip

    def _lines(self, case: Case, shown: list[Answer], stored: dict) -> Table:
        rows = [(*self._cells(one), *self._files(one, stored[id(one)])) for one in shown]
        if case.name:
            return _table((*_HEADS, "Map", "Answer"), rows)
        rows = [
            (words(self._case(one)), *row, words(one.judged.sentence)) for one, row in zip(shown, rows, strict=True)
        ]
        return _table(("Case", *_HEADS, "Map", "Answer", "Why"), rows)

    def _cells(self, one: Answer) -> tuple[Cell, ...]:
        kinds = {kind for kind, _ in one.judged.oddities}
        told = {name: one.numbers[name] for name in NUMBERS}
        cells = [
            number(name, told[name].value, told[name].unit, told[name].status, told[name].chance, told[name].lift)
            for name in NUMBERS
        ]
        status = one.words["status"]
        return (
            self._model(one), words(one.class_name), words(one.pixels), words(one.words["layer"]),
            words(one.words["method"]), words(status.replace("_", " "), odd=status != "ok"), *cells,
            words(one.words["verdict"]), words(", ".join(SHORT[kind] for kind in sorted(kinds)), odd=True),
        )  # fmt: skip

    def _files(self, one: Answer, stored: StoredMap | None) -> tuple[Cell, ...]:
        key = None if one.failed else self.run.found("".join(one.question))
        answer = words("") if key is None else self.links.to(self.run.question_path(key), "json")
        return (words("") if stored is None else self.links.to(stored.path, "map"), answer)

    def _line(self, one: Answer) -> str:
        """The model by its hash, too: several may be called the same."""
        model = self._model(one)
        parts = (f"{model.text} {model.aside}".strip(), one.class_name, one.pixels, one.words["layer"])
        return ", ".join(part for part in (*parts, one.words["method"]) if part and part != NOTHING)

    def _all(self, cases: list[Case], shown: set[str]) -> Table:
        rows: list[tuple[Cell, ...]] = []
        for case in cases:
            href = f"#{case.anchor}" if case.anchor in shown else ""
            kept = case.answers[: MOST_ALL - len(rows)]
            rows += [(words(self._case(one), href=href), *self._cells(one)) for one in kept]
        count = sum(len(case.answers) for case in cases)
        note = "" if len(rows) == count else f"The first {len(rows)} of {count} lines; table.csv has them all."
        return _table(("Case", *_HEADS), rows, note)

    def _summary(self, answers: list[Answer]) -> Table:
        groups = defaultdict(list)
        for one in answers:
            key = (one.words["model"], one.class_name, one.pixels, one.words["method"], one.words["group"])
            groups[key].append(one)
        rows = [(self._model(all_of_it[0]), *_sums(key, all_of_it)) for key, all_of_it in sorted(groups.items())]
        note = f"The first {MOST_SUMS} of {len(rows)}." if len(rows) > MOST_SUMS else ""
        heads = (
            "Model", "Class", "Pixel set", "Method", "Group", "Lines", "No answer", "Odd", "Share inside, median",
            "Lift, median", "Completeness, median", "Dice, median", "Verdicts",
        )  # fmt: skip
        return filled(Table(heads, rows[:MOST_SUMS], (False,) * 5 + (True,) * 7 + (False,), note))

    def _facts(self, facts: dict, cases: list[Case]) -> tuple[tuple[str, str], ...]:
        settings, versions = facts.get("settings") or {}, facts.get("versions") or {}
        asked = sorted({one.words["model"] for case in cases for one in case.answers if one.words["model"]})
        models = [self._model_words(one) for one in asked[:50]] + ["..."] * (len(asked) > 50)
        when = datetime.fromtimestamp((self.run.path / f"{TABLE}.csv").stat().st_mtime, UTC)
        return (
            ("Asked by", f"seghirescam cohort, {facts.get('questions')} questions; plan {str(facts.get('plan'))[:12]}"),
            ("Models", "; ".join(models) or NOTHING),
            ("Settings", "; ".join(f"{name}: {_said(value)}" for name, value in sorted(settings.items()))),
            ("Versions", ", ".join(f"{name} {value}" for name, value in sorted(versions.items()))),
            ("Date", f"{when:%Y-%m-%d %H:%M} UTC, when table.csv was last written; a run itself records no time"),
        )  # fmt: skip

    def _model(self, one: Answer) -> Cell:
        model = one.words["model"]
        name = self._models.get(model, "")
        return Cell(name, aside=model) if name else words(model)

    def _know(self, one: Answer, stored: StoredMap) -> None:
        """The model's name, from a map's sidecar."""
        told = stored.facts.get("provenance", {})
        if isinstance(told, dict) and isinstance(told.get("model"), str):
            self._models.setdefault(one.words["model"], told["model"])

    def _model_words(self, model: str) -> str:
        named = sorted(self._called.get(f"model {model}", ()))
        return " ".join(filter(None, (self._models.get(model, ""), model, f"({', '.join(named)})" if named else "")))

    def _title(self, case: Case) -> str:
        if not case.name:
            return f"{_many(len(case.answers), 'question')} that failed before an image was read"
        return self._case(case.answers[0]) if self.names else f"Case {case.name}"

    def _case(self, one: Answer) -> str:
        called = sorted(self._called.get(one.called, ()))
        return f"{', '.join(called[:5])} ({one.called})" if called else one.called

    def _names(self) -> dict[str, set[str]]:
        rows = case_rows(self.run)
        if not rows:
            raise OutputError(
                f"The run has no {CASES}, which tells the names.", "Leave --names out, or put the file back."
            )
        found: dict[str, set[str]] = defaultdict(set)
        for row in rows:
            for key in (row["image"], f"row {row['plan row']}"):
                found[key].add(row["case"] or " | ".join(Path(one).name for one in row["images"].split("|")))
            found[f"model {row['model hash']}"].add(row["model"])
        return found

    def _note(self, count: int) -> str:
        if count <= self.most:
            return ""
        return f"The first {self.most} of {count} by this rule, with pictures; the table below has them all."

    def _notes(self) -> list[str]:
        settings = (self.run.facts() or {}).get("settings") or {}
        notes = [] if self.links.linking else [NO_LINKS]
        waiting = sum(row["state"] == "waiting" for row in case_rows(self.run) if "state" in row)
        if waiting:
            notes.append(f"{waiting} questions of the plan have no answer yet; the tables are older than that.")
        if not settings.get("maps"):
            notes.append("The run kept no maps (--maps), so there are no pictures.")
        return notes


_HEADS = (
    "Model", "Class", "Pixel set", "Layer", "Method", "Status", "Share inside", "Completeness", "Score", "Size", "Dice",
    "Verdict", "Odd",
)  # fmt: skip
_NUMERIC = ("Share inside", "Completeness", "Score", "Size", "Dice")


def _table(heads, rows, note="") -> Table:
    return filled(Table(heads, rows, tuple(head in _NUMERIC for head in heads), note))


def _sums(key: tuple[str, ...], answers: list[Answer]) -> tuple[Cell, ...]:
    _, class_name, pixels, method, group = key
    without = sum(one.words["status"] != "ok" for one in answers)
    odd = sum(bool(one.judged.oddities) for one in answers)
    verdicts = Counter(one.words["verdict"] for one in answers if one.words["verdict"])
    lifts = [one.judged.lift for one in answers if one.judged.lift is not None]
    middle = statistics.median(lifts) if lifts else None
    return (
        words(class_name), words(pixels), words(method), words(group), _count(len(answers), "lines"),
        _count(without, "no answer"), _count(odd, "odd"), _median(answers, "share inside"),
        Cell(NOTHING if middle is None else lift_text(middle), middle, "", f"n {len(lifts)}" if lifts else "", "lift"),
        _median(answers, "completeness"), _median(answers, "dice"),
        words(", ".join(f"{count} {word}" for word, count in sorted(verdicts.items()))),
    )  # fmt: skip


def _median(answers: list[Answer], name: str) -> Cell:
    values = [one.numbers[name].value for one in answers if one.numbers[name].value is not None]
    if not values:
        return Cell(NOTHING)
    middle = statistics.median(values)
    text = percent(middle) if name != "dice" else f"{middle:.4g}"
    return Cell(text, middle, "", f"n {len(values)}", name)


def _count(count: int, about: str) -> Cell:
    return Cell(str(count), count, "", "", about)


def _captioned(picture, what: str):
    from dataclasses import replace

    return replace(picture, caption=f"{what}. {picture.caption}")


def _many(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _said(value: object) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value)) or "-"
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
