"""Paired comparisons of a run: between models, methods or layers over cases; a table, the pairs, a figure each."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from ...protocol.csv_text import write_rows
from ..figure import add_paper
from ..manifest import NAME as MANIFEST
from ..outputs import claimed_folder

HELP = "Compare models, methods or layers of a cohort over its cases: paired tests, intervals, a figure each."
MORE = """RUN is the folder of 'seghirescam cohort'. For one number (--of), every two models (or methods, or layers) are
compared case by case, everything else held: Wilcoxon's signed-rank test, corrected by Holm over all tests, a
bootstrap interval of the median difference, the matched-pairs rank-biserial correlation. Several pixel sets of a case
are averaged first. What has no number (a status other than ok) is left out and counted; below 6 pairs there is no test.
Writes stats.csv, pairs.csv, text.txt and pairs_1.png, ... Needs statsmodels."""
EXAMPLE = "seghirescam stats cohort/ --by model --of completeness --out stats/"
STATS, PAIRS, TEXT = "stats.csv", "pairs.csv", "text.txt"
COLUMNS = (
    "comparison", "by", "number", "in label", "unit", "a", "a name", "b", "b name", "model", "method", "layer", "class",
    "pixel set", "score of", "rival", "pairs", "pixel sets", "left out", "left out pixel sets", "a larger", "b larger",
    "equal", "a median", "b median", "median difference", "interval low", "interval high", "w plus", "w minus",
    "rank biserial", "p", "p by", "p holm", "tests", "status", "sentence",
)  # fmt: skip


def add_arguments(parser) -> None:
    from ...cohort.statistics.observed import CASE, SHARE, SHARE_INSIDE, UNITS
    from ...cohort.statistics.pairing import FACTORS

    parser.add_argument("run_folder", type=Path, metavar="RUN", help="folder of 'seghirescam cohort'")
    parser.add_argument("--by", choices=FACTORS, default="", help="what is compared (default: the first with several)")
    parser.add_argument(
        "--of", metavar="NUMBER", default="",
        help=f"a column of table.csv (default: {SHARE_INSIDE}), with --label of by_label.csv (default: {SHARE})",
    )  # fmt: skip
    parser.add_argument("--label", metavar="NAME", default="", help="evidence in this label of the label maps instead")
    parser.add_argument(
        "--unit", choices=UNITS, default=CASE,
        help="what is independent (default: case); group: of the plan, such as the patient; its cases are averaged",
    )  # fmt: skip
    parser.add_argument(
        "--name", action="append", default=[], dest="names", metavar="MODEL=NAME",
        help="what to call a model: its word in the plan, or its hash (repeatable; a plan's path is never written)",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="for all of it (default: RUN/stats)")
    parser.add_argument("--overwrite", action="store_true", help="replace the comparisons that the folder holds")
    add_paper(parser.add_argument_group("look"), window=False)


def run(options, console) -> int:
    from ...cohort.run_folder import RunFolder
    from ...cohort.statistics.compared import called, compared
    from ...cohort.statistics.conclusions import heading, limits, sentences
    from ...cohort.statistics.observed import observed
    from ...cohort.statistics.pairing import factor_of

    own = _names(options.names)
    console.progress(0.0, "reading the table")
    found = observed(RunFolder(options.run_folder), options.of, options.label, options.unit)
    by = factor_of(found, options.by)
    names = called(found, own)
    with claimed_folder(options.out or options.run_folder / "stats", options.overwrite) as place:
        console.progress(0.1, "comparing")
        every = compared(found, by)
        told = [(one, heading(one, found, names), sentences(one, found, names)) for one in every]
        last = limits(found, by, every)
        text = "\n\n".join("\n".join([head, *(f"   {line}" for line in lines)]) for _, head, lines in told)
        text += "\n\nWhat none of it shows:\n" + "\n".join(f" - {line}" for line in last)
        request = {"by": by, "of": found.of, "label": options.label, "unit": options.unit}
        with place.filled("stats", request, SimpleNamespace(kind="cohort", name="several")) as folder:
            (folder / TEXT).write_text(text + "\n", encoding="utf-8")
            write_rows(folder / STATS, COLUMNS, (_line(one, found, names, lines) for one, _, lines in told))
            write_rows(folder / PAIRS, ("comparison", "unit", "image", "a", "b", "difference"), _pairs(every, found))
            figures = _draw(folder, told, found, names, options, console)
    files = [MANIFEST, PAIRS, *figures, STATS, TEXT]
    data = {
        "by": by, "of": found.of, "label": found.label, "unit": found.unit, "failed_questions": found.failed,
        "comparisons": [_line(one, found, names, lines) for one, _, lines in told], "limits": last, "files": files,
    }  # fmt: skip
    console.answer(data, f"{text}\n\nWritten: {STATS}, {PAIRS}, {TEXT} and {len(figures)} figures.")
    return 0


def _names(words) -> dict[str, str]:
    from ...cohort.statistics.observed import StatisticsError

    for word in words:
        if not word.rpartition("=")[0] or not word.rpartition("=")[2]:
            raise StatisticsError(f"'{word}' gives no model a name.", "Write --name MODEL=NAME.")
    return {word.rpartition("=")[0]: word.rpartition("=")[2] for word in words}


def _line(one, found, names, lines) -> dict:
    from ...cohort.statistics.compared import level

    test, pairs, common = one.test, one.pairs, one.pairs.held
    return {
        "comparison": one.number, "by": pairs.by, "number": found.of, "in label": found.label,
        "unit": " | ".join(pairs.measured_in), "a": pairs.a, "a name": level(one, "a", names), "b": pairs.b,
        "b name": level(one, "b", names), "model": common.get("model", ""), "method": common.get("method", ""),
        "layer": common.get("layer", "") or " | ".join(pairs.layers), "class": common.get("class_name", ""),
        "pixel set": common.get("form", ""), "score of": common.get("score_of", ""), "rival": common.get("rival", ""),
        "pairs": test.n, "pixel sets": pairs.sets, "left out": sum(pairs.without.values()),
        "left out pixel sets": pairs.sets_left, "a larger": test.a_larger, "b larger": test.b_larger,
        "equal": test.equal, "a median": test.a_median, "b median": test.b_median,
        "median difference": test.difference, "interval low": test.low, "interval high": test.high,
        "w plus": test.w_plus, "w minus": test.w_minus, "rank biserial": test.rank_biserial, "p": test.p,
        "p by": test.p_by, "p holm": one.p_holm, "tests": one.family, "status": test.status,
        "sentence": " ".join(lines),
    }  # fmt: skip


def _pairs(every, found):
    """A case by its image's hash, a group by its word: the plan's names of cases stay in the run."""
    from ...cohort.statistics.observed import GROUP

    for one in every:
        pairs = one.pairs
        for unit, image, a, b in zip(pairs.units, pairs.images, pairs.a_values, pairs.b_values, strict=True):
            yield {
                "comparison": one.number, "unit": unit if found.unit == GROUP else image, "image": image, "a": a,
                "b": b, "difference": a - b,
            }  # fmt: skip


def _draw(folder, told, found, names, options, console) -> list[str]:
    """The figures' names; none of a comparison without pairs."""
    from ...cohort.statistics.compared import level
    from ...cohort.statistics.conclusions import number_name
    from ...figures.paired_points import draw_pairs
    from ...figures.style import DARK, LIGHT, save

    drawn = []
    for one, head, lines in told:
        console.progress(0.2 + 0.8 * one.number / len(told), "drawing")
        test, pairs = one.test, one.pairs
        if not pairs.units or len(pairs.measured_in) > 1:
            continue
        unit = f" ({pairs.measured_in[0]})" if pairs.measured_in[0] else ""
        figure = draw_pairs(
            pairs.a_values, pairs.b_values, (level(one, "a", names), level(one, "b", names)),
            number_name(found) + unit, heading=head, caption=_caption(lines, found.unit, test),
            interval=None if test.low is None else (test.low, test.high), theme=DARK if options.dark else LIGHT,
        )  # fmt: skip
        drawn.append(f"pairs_{one.number}.png")
        save(figure, folder / drawn[-1], options.dpi)
    return drawn


def _caption(lines, unit, test) -> str:
    marks = f"A line is a {unit}; bars: medians"
    marks += "; diamond: median difference with its 95 % interval. " if test.low is not None else ". "
    return marks + " ".join(lines[1:2])
