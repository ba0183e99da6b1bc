"""A cohort's tables as a report sees them: one entry a line, with what is odd about it, grouped by case and sorted."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from ...cohort.run_folder import BY_LABEL, RunFolder
from ...cohort.table.read_back import Line, Number, lines_of
from ...evaluation.metrics.labels import ELSEWHERE
from ...figures.report.odd import LEAST_SHARE, Judged, Structure, order
from ...protocol.class_names import matching_class
from ...protocol.value import OK

#: what every line shows
NUMBERS = ("share inside", "completeness", "score", "size", "dice")
_WORDS = ("model", "group", "class name", "class", "pixel set", "label", "layer", "method", "status", "verdict")


@dataclass(slots=True)
class Answer:
    """One line. place: its number within the lines of its question, from 1, by which its map is called."""

    question: tuple[str, str, str]
    place: int
    words: dict[str, str]
    numbers: dict[str, Number]
    judged: Judged
    plan_row: str = ""

    @property
    def failed(self) -> bool:
        return self.judged.failed

    @property
    def called(self) -> str:
        """The image's hash; of a question that failed before its image was read, its row of the plan."""
        return self.question[0] or f"row {self.plan_row}"

    @property
    def class_name(self) -> str:
        return self.words["class name"] or self.words["class"]

    @property
    def pixels(self) -> str:
        """ "segment 'Lesion'"."""
        label = self.words["label"]
        return f"{self.words['pixel set']} '{label}'" if label else self.words["pixel set"]


@dataclass
class Case:
    """name: the image's hash, "" of all questions that failed before an image was read.  answers: the odd first."""

    name: str
    answers: list[Answer] = field(default_factory=list)

    @property
    def anchor(self) -> str:
        return f"case-{self.name or 'unread'}"

    @property
    def judged(self) -> list[Judged]:
        return [one.judged for one in self.answers]


def cases_of(run: RunFolder) -> list[Case]:
    """All of a run, sorted by the rule of :mod:`odd`. Raises OutputError."""
    structures = _structures(run)
    cases: dict[str, Case] = {}
    for place, line in numbered(run):
        name = line.text("image")
        case = cases.setdefault(name, Case(name))
        case.answers.append(_answer(line, place, structures))
    for case in cases.values():
        case.answers.sort(key=lambda one: (*order([one.judged], one.words["model"])[:4], one.question, one.place))
    return sorted(cases.values(), key=lambda case: order(case.judged, case.name))


def numbered(run: RunFolder) -> Iterator[tuple[int, Line]]:
    """(number within its question, line)."""
    seen: Counter = Counter()
    for line in lines_of(run):
        if not line.failed:
            seen[line.question] += 1
        yield seen[line.question], line


def map_of(line: Line, label: str) -> tuple:
    """What a line of the table and its lines of evidence by label have in common. label: the pixel set's."""
    words = ("segment", "reference", "pixel set", "class", "layer", "method")
    return (*line.question, *(line.text(word) for word in words), label)


def is_own(structure: str, label: str, class_name: str) -> bool:
    """Whether a labelled structure is what the pixel set is of."""
    return structure == label or any(matching_class(structure, [name]) for name in (label, class_name) if name)


def _structures(run: RunFolder) -> dict[tuple, list[Structure]]:
    """Only those that the rule can ask for."""
    found: dict[tuple, list[Structure]] = defaultdict(list)
    for line in lines_of(run, BY_LABEL):
        share = line.number("share")
        if share.status != OK or share.value is None or share.lift is None or share.value < LEAST_SHARE:
            continue
        if (name := line.text("label")) != ELSEWHERE:
            found[map_of(line, line.text("map"))].append(Structure(name, share.value, share.lift))
    return found


def _answer(line: Line, place: int, structures: dict[tuple, list[Structure]]) -> Answer:
    inside, dice = line.number("share inside"), line.number("dice")
    label, class_name = line.text("label"), line.text("class name")
    others = [one for one in structures.get(map_of(line, label), ()) if not is_own(one.name, label, class_name)]
    judged = Judged(
        line.failed, line.text("sentence"), OK if line.failed else line.text("status"), line.text("reason"),
        line.text("verdict"), inside.value, inside.lift, dice.value, tuple(others),
    )  # fmt: skip
    return Answer(
        line.question, place, {word: line.text(word) for word in _WORDS},
        {name: line.number(name) for name in NUMBERS}, judged, line.text("plan row"),
    )  # fmt: skip
