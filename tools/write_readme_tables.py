"""Write the measured tables into the pages of docs/benchmarks, and what README.md says of them in a sentence each.

python3 tools/write_readme_tables.py            standard library only; --check fails if a page differs
"""

from __future__ import annotations

import csv
import statistics
import sys
from pathlib import Path

import cost_tables
import published_sentences
import readme_sentences
import trust_sentences
import window_tables

ROOT = Path(__file__).resolve().parents[1]
PAGES = Path("docs") / "benchmarks"
REPORT = ROOT / "Testing" / "demo_training" / "report_files"
METHODS = {"seg_hires_grad_cam": "Seg-HiRes-Grad CAM", "seg_grad_cam": "Seg-Grad-CAM"}
LAYER, SCORE = "encoder.2", "contrast"
RESULTS = ROOT / "Testing" / "benchmarks" / "results"
#: (page, marker in it) -> table that a script made from the CSV beside it
MADE = {
    ("methods.md", "methods"): REPORT / "methods.md",
    ("methods.md", "smoothgrad"): RESULTS / "smoothgrad" / "table.md",
    ("known_answers.md", "known"): RESULTS / "known" / "readme.md",
    ("known_answers.md", "better"): RESULTS / "known" / "better_measured.md",
    ("roar.md", "roar"): RESULTS / "roar" / "table.md",
    ("flips.md", "flips"): RESULTS / "causes" / "smallest_flips.md",
    ("speed.md", "bench"): RESULTS / "table.md",
    ("verdict.md", "verdict"): RESULTS / "verdict" / "table.md",
    ("published.md", "published:networks"): RESULTS / "published" / "networks.md",
    ("published.md", "published:methods"): RESULTS / "published" / "methods.md",
    ("published.md", "published:layers"): RESULTS / "published" / "layers.md",
}


def main() -> int:
    wanted = texts()
    pages = {place: (ROOT / place).read_text(encoding="utf-8") for place, _ in wanted}
    new = dict(pages)
    for (place, marker), text in wanted.items():
        new[place] = replaced(new[place], marker, text)
    if "--check" in sys.argv[1:]:
        return int(new != pages)
    for place, text in new.items():
        (ROOT / place).write_text(text, encoding="utf-8")
    return 0


def texts() -> dict[tuple[Path, str], str]:
    """(page, marker) -> what stands between the marker's two lines."""
    found = {
        (PAGES / "demo.md", "demo:intervention"): intervention_table(rows("interventions.csv")),
        (PAGES / "demo.md", "demo:evidence"): evidence_table(rows("evidence.csv")),
    }
    for (page, marker), path in MADE.items():
        found[PAGES / page, marker] = main_part(path.read_text(encoding="utf-8"))
    for marker, made in cost_tables.TABLES.items():
        found[PAGES / "speed.md", marker] = made(RESULTS)
    found[PAGES / "windows.md", "windows"] = window_tables.table(RESULTS)
    found[PAGES / "cohorts.md", "cohort-size"] = cost_tables.cohort_size(RESULTS)
    entry = (RESULTS / "known" / "entry.md").read_text(encoding="utf-8")
    found[Path("docs") / "how-to" / "enter_method.md", "entry"] = main_part(entry)
    found[Path("docs") / "how-to" / "choose_layer.md", "layers"] = layer_table(rows("evidence.csv"))
    found[Path("docs") / "explanation" / "faithful.md", "trust"] = trust_sentences.made(RESULTS)
    found[PAGES / "published.md", "published:failed"] = published_sentences.failed(RESULTS)
    found[Path("README.md"), "published"] = published_sentences.readme(RESULTS)
    for marker, sentences in readme_sentences.made(REPORT, RESULTS).items():
        found[Path("README.md"), marker] = sentences
    return found


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
    """Mean lesion-minus-look-alike logit over the predicted lesion, unchanged and masked out."""
    cases = len({row["seed"] for row in found})
    lines = [
        f"| network | unchanged | marker masked out | ring masked out | ({cases} held-out cases) |",
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


def layer_table(found: list[dict]) -> str:
    """Mean shares of Seg-HiRes-Grad CAM at every level, batch norm, in the order of the network."""
    picked = [r for r in found if (r["norm"], r["method"], r["score"]) == ("batch", "seg_hires_grad_cam", SCORE)]
    columns = [(model, region) for model in ("honest", "shortcut") for region in ("lesion", "marker")]
    heads = " | ".join(f"{model}: {region}" for model, region in columns)
    lines = [f"| layer | stride | {heads} |", "|---|---|---|---|---|---|"]
    for layer in dict.fromkeys(r["layer"] for r in picked):
        own = [r for r in picked if r["layer"] == layer]
        cells = []
        for model, region in columns:
            values = [float(r[region]) for r in own if r["model"] == model and r[region] != "nan"]
            cells.append(f"{100 * statistics.mean(values):.1f}")
        lines.append(f"| `{layer}` | {own[0]['stride']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def spread(values: list[float]) -> str:
    return f"{statistics.mean(values):.1f} ± {statistics.stdev(values):.1f}"


if __name__ == "__main__":
    sys.exit(main())
