"""Write the measured tables into README.md: the demo's from CSV files, others as their scripts made them from theirs.

python3 tools/write_readme_tables.py            standard library only; --check fails if the README differs
"""

from __future__ import annotations

import csv
import statistics
import sys
from pathlib import Path

import cost_tables

ROOT = Path(__file__).resolve().parents[1]
REPORT = ROOT / "Testing" / "demo_training" / "report_files"
METHODS = {"seg_hires_grad_cam": "Seg-HiRes-Grad CAM", "seg_grad_cam": "Seg-Grad-CAM"}
LAYER, SCORE = "encoder.2", "contrast"
RESULTS = ROOT / "Testing" / "benchmarks" / "results"
#: marker in the README -> table that a script made from the CSV beside it
MADE = {
    "methods": REPORT / "methods.md",
    "known": RESULTS / "known" / "readme.md",
    "roar": RESULTS / "roar" / "table.md",
}


def main() -> int:
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    new = replaced(text, "demo:intervention", intervention_table(rows("interventions.csv")))
    new = replaced(new, "demo:evidence", evidence_table(rows("evidence.csv")))
    for marker, path in MADE.items():
        new = replaced(new, marker, main_part(path.read_text(encoding="utf-8")))
    for marker, made in cost_tables.TABLES.items():
        new = replaced(new, marker, made(RESULTS))
    if "--check" in sys.argv[1:]:
        return int(new != text)
    readme.write_text(new, encoding="utf-8")
    return 0


def main_part(text: str) -> str:
    """A file without headings whole; of another one the first section, without its heading."""
    if "\n## " in text:
        text = text.split("\n## ")[1].split("\n", 1)[1]
    return text.strip()


def rows(name: str) -> list[dict]:
    with open(REPORT / name, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def replaced(text: str, marker: str, table: str) -> str:
    start, end = f"<!-- {marker}:start -->", f"<!-- {marker}:end -->"
    before, rest = text.split(start)
    return f"{before}{start}\n{table}\n{end}{rest.split(end)[1]}"


def intervention_table(found: list[dict]) -> str:
    """Mean lesion-minus-look-alike logit over the predicted lesion, unchanged and painted over."""
    cases = len({row["seed"] for row in found})
    lines = [
        f"| network | unchanged | marker painted over | ring painted over | ({cases} held-out cases) |",
        "|---|---|---|---|---|",
    ]
    for model in ("honest", "shortcut"):
        for norm in ("batch", "instance"):
            own = [row for row in found if row["model"] == model and row["norm"] == norm]
            cells = [spread([float(r["before"]) for r in own if r["painted"] == "marker"])]
            flips = []
            for painted in ("marker", "ring"):
                after = [float(r["after"]) for r in own if r["painted"] == painted]
                cells.append(spread(after))
                flips.append(f"{sum(v < 0 for v in after)}/{len(after)} after the {painted}")
            lines.append(f"| {model}, {norm} norm | {' | '.join(cells)} | called a look-alike: {', '.join(flips)} |")
    return "\n".join(lines)


def evidence_table(found: list[dict]) -> str:
    """Shares at the layer the targets were fixed for, batch norm beside instance norm, with chance."""
    picked = [r for r in found if r["layer"] == LAYER and r["score"] == SCORE]
    chance = {c: statistics.mean(float(r[f"{c}_chance"]) for r in picked) for c in ("lesion", "marker")}
    lines = [
        "| network | method | at the lesion | at the marker | elsewhere |",
        "|---|---|---|---|---|",
        f"| *by chance, over the volume* | | {100 * chance['lesion']:.2f} % | {100 * chance['marker']:.2f} % | |",
    ]
    for norm in ("batch", "instance"):
        for model in ("honest", "shortcut"):
            for method, title in METHODS.items():
                own = [r for r in picked if (r["norm"], r["model"], r["method"]) == (norm, model, method)]
                cells = []
                for region in ("lesion", "marker", "elsewhere"):
                    values = [100 * float(r[region]) for r in own if r[region] != "nan"]
                    times = f" ({statistics.mean(values) / 100 / chance[region]:.0f}x)" if region in chance else ""
                    cells.append(f"{spread(values)} %{times}")
                lines.append(f"| {model}, {norm} norm | {title} | {' | '.join(cells)} |")
    return "\n".join(lines)


def spread(values: list[float]) -> str:
    return f"{statistics.mean(values):.1f} ± {statistics.stdev(values):.1f}"


if __name__ == "__main__":
    sys.exit(main())
