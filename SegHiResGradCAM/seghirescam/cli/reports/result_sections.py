"""One map of a result, or one evaluation, as a section of a page, with what the rule of :mod:`odd` looks at."""

from __future__ import annotations

from ...evaluation.metrics.labels import ELSEWHERE
from ...figures.report.odd import Judged, Structure
from ...figures.report.page import Cell, Section, Table, number, words
from ...protocol.value import OK
from ..sidecars import Stored
from .links import Links
from .run_answers import is_own
from .shown_image import ShownImage

OWN = "pixel set"


def judged_map(facts: dict) -> Judged:
    """Of a sidecar."""
    evidence = facts.get("evidence") or {}
    words = {"status": facts["status"], "reason": facts.get("reason", "")}
    return Judged(**words, inside=evidence.get("inside"), lift=evidence.get("lift"))


def explained(stored: Stored, place: int, judged: Judged, shown: ShownImage, links: Links) -> Section:
    """Of a sidecar and its map."""
    facts = stored.facts
    evidence, size = facts.get("evidence") or {}, facts.get("pixel_set_size") or {}
    side = (facts.get("disagreement") or {}).get("side")
    title = f"{side + ': ' if side else ''}{_title(facts)}"
    picture = shown.picture(stored, title)
    path, sidecar = stored.folder / facts["file"]["name"], stored.folder / f"{_stem(facts['file']['name'])}.json"
    cells = (
        (links.to(path, "map"), links.to(sidecar, "sidecar"), links.to(stored.folder / facts["pixel_set_file"], OWN))
        if links.linking else ()
    )  # fmt: skip
    return Section(
        f"map-{place}", title, tuple(text for _, text in judged.oddities), tuple(facts.get("notes") or ()),
        _numbers(facts, evidence, size), () if picture is None else (picture,), links=tuple(c for c in cells if c.href),
    )  # fmt: skip


def evaluated(facts: dict, place: int) -> tuple[Section, Judged]:
    """Of an entry of evaluation.json."""
    explanation, trust = facts["explanation"], facts["trust"]
    metrics, labels = facts["metrics"], facts.get("by_label") or []
    inside = next((row for row in metrics if row["metric"] == "share" and row["reference"] in ("", OWN)), {})
    own = explanation["pixel_set"].partition("'")[2].rstrip("'")
    others = [
        Structure(one["name"], one["share"]["value"], one["share"]["lift"])
        for one in labels
        if one["share"]["lift"] is not None
        and one["name"] != ELSEWHERE
        and not is_own(one["name"], own, explanation["class_name"])
    ]
    judged = Judged(
        status=explanation["status"], reason=explanation.get("reason", ""), verdict=trust["verdict"],
        inside=inside.get("value"), lift=inside.get("lift"), others=tuple(others),
    )  # fmt: skip
    checks = Table(
        ("Check", "Value", "Threshold", "Passed", "In words"),
        [(words(row["title"]), _value(row["title"], row["value"]), _plain(row["threshold"]), _passed(row["passed"]),
          words(row["sentence"])) for row in trust["rows"]],
        (False, True, True, False, False),
    )  # fmt: skip
    more = [("Every number", _metrics(metrics))]
    if labels:
        more.append(("Evidence by label", _labels(labels)))
    verdict = (f"Verdict: {trust['verdict']}.", trust["verdict_sentence"])
    section = Section(
        f"map-{place}", _title(explanation), tuple(text for _, text in judged.oddities), verdict, checks, (),
        tuple(more),
    )  # fmt: skip
    return section, judged


def _title(facts: dict) -> str:
    return f"{facts['method_title']}, {facts['class_name']}, {facts['pixel_set']}, {facts['layer']['name']}"


def _numbers(facts: dict, evidence: dict, size: dict) -> Table:
    unit = facts.get("score_unit") or "logit"
    over = evidence.get("chance_over", "volume")
    inside = number("share inside", evidence.get("inside"), "", OK, evidence.get("chance"), evidence.get("lift"))
    rows = [
        (words("Status"), words(facts["status"].replace("_", " "), odd=facts["status"] != OK)),
        (words(f"Share inside (lift over the {over})"), inside),
        (words("Chance of it"), number("chance", evidence.get("chance"))),
        (words("Completeness"), number("completeness", facts.get("completeness"), "", OK)),
        (words(f"Score ({facts['score_title']})"), number("score", facts.get("score"), unit)),
        (words("Total of the map"), number("total", facts.get("total"), facts["unit"])),
        (words("Pixel set"), _size(size)),
    ]
    return Table(("Number", "Value"), rows, (False, True))


def _size(size: dict) -> Cell:
    for unit in ("ml", "pixels", "voxels"):
        if size.get(unit) is not None:
            return number("size", size[unit], unit)
    return words("")


def _metrics(rows: list[dict]) -> Table:
    cells = [
        (
            words(row["metric"].replace("_", " ")), words(row["reference"]),
            number(row["metric"], row["value"], row["unit"], row["status"], row["chance"], row["lift"]),
            words(row["note"]),
        )
        for row in rows
    ]  # fmt: skip
    return Table(("Number", "Of", "Value", ""), cells, (False, False, True, False))


def _labels(rows: list[dict]) -> Table:
    cells = [
        (words(row["name"]), _size(row), _value("share", row["share"]), _value("distance", row["distance"]))
        for row in rows
    ]
    return Table(("Label", "Size", "Share of the positive evidence", "Mean distance"), cells, (False, True, True, True))


def _value(name: str, value: dict) -> Cell:
    return number(name, value["value"], value["unit"], value["status"], value["chance"], value["lift"])


def _plain(value: float | None) -> Cell:
    return words("") if value is None else number("threshold", value)


def _passed(passed: bool | None) -> Cell:
    return words({True: "yes", False: "no"}.get(passed, ""), odd=passed is False)


def _stem(name: str) -> str:
    return next((name.removesuffix(end) for end in (".nii.gz", ".nrrd", ".dcm") if name.endswith(end)), name)
