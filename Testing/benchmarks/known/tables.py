"""The markdown tables, made from a results folder's CSV files and about.json and nothing else.  Standard library."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median

from .store import read

ANALYTIC, METHODS, TRAINED, CT, ABOUT = "analytic.csv", "methods.csv", "trained.csv", "ct.csv", "about.json"
#: order of the rows: ours first, its kin, those on the image, what knows nothing
_HIRES, _REFERENCE, _EMPTY = "seg_hires_grad_cam", "paint_over", "none"
_NOTHING = ("random", "blur_matched_random", "edges", "paint_the_prediction")


def markdown(folder: Path) -> str:
    """All tables of the tiers whose CSV is there."""
    about = json.loads((folder / ABOUT).read_text(encoding="utf-8")) if (folder / ABOUT).exists() else {}
    parts = []
    for name, made in ((ANALYTIC, tier_0), (METHODS, tier_1), (CT, tier_2)):
        if (folder / name).exists():
            trained = read(folder / TRAINED) if name == METHODS else []
            parts += made(read(folder / name), trained, about)
    return "\n".join(parts).rstrip() + "\n"


def tier_0(rows, _, about) -> list[str]:
    """Worst of the settings for every method."""
    lines = [
        "### Tier 0: the reason is known, the weights were written by hand",
        "",
        f"Worst of the settings ({'; '.join(dict.fromkeys(r['model'] for r in rows))}). Organ M, cause K displaced",
        "from it; a second cue makes another segment. Phantom: evidence in cells without influence on the score.",
        "",
        "| method (layer) | phantom mass | completeness gap | share in K | distance to K, mm | share in M | status |",
        "|---|---|---|---|---|---|---|",
    ]
    for group in _grouped(rows):
        first = group[0]
        worst = [
            _number(_worst(group, what, pick), digits)
            for what, pick, digits in (
                ("phantom", max, 2), ("gap", max, 2), ("share_cue", min, 2), ("mm_cue", max, 1), ("share_own", max, 2),
            )
        ]  # fmt: skip
        said = ", ".join(dict.fromkeys(r["status"] for r in group))
        lines.append(f"| {_title(first)} | {' | '.join(worst)} | {said} |")
    return [*lines, "", *_about(about, 0), ""]


def tier_1(rows, trained, about) -> list[str]:
    """The primary layer with all rows, then the layers side by side."""
    primary = about["tier 1"]["primary"]
    main = [r for r in rows if r["layer"] in (primary, "input", "-") or r["method"] == "cam"]
    learned = {rule: [t for t in trained if t["rule"] == rule] for rule in ("honest", "shortcut")}
    count = ", ".join(f"{sum(t['status'] == 'learned' for t in v)} of {len(v)} {k}" for k, v in learned.items())
    lines = [
        "### Tier 1: is this model cheating?",
        "",
        f"Models that are by intervention what they are called: {count}. Same images; honest: a lesion has a ring,",
        "shortcut: a lesion has a marker 24 mm away. AUROC: a model's score is the mean share of its evidence on the",
        "marker, all trained models; 95 % bootstrap over models (perfect separation gives 1-1). Shares in % of the",
        "positive evidence, lift = share / chance, over the volume;",
        "median [quartiles] over models. p: Wilcoxon signed-rank against",
        "Seg-HiRes-Grad CAM (on the cases both have) over the shortcut models' marker shares and gains and the honest",
        "models' own-cue shares, Holm, two-sided: which is larger is read off the medians. Gain: context deletion over",
        "random orders, shortcut models, area in logit. Phantom: evidence in cells of next to no gradient (1 % of the",
        "largest). Edges and random maps know no model: they are the same for all, AUROC 0.5.",
        "",
        "| method (layer) | AUROC | shortcut: marker share | lift | honest: marker lift | honest: own share | lift "
        "| gain | phantom | V90 ml | CPU s | p marker | p own | p gain | status |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for (row,) in _grouped(main):
        if row["method"] == _REFERENCE:
            lines.append(f"| {_title(row)} | {_auroc(row)} |{' |' * 13}")
        elif row["auroc"] is None:
            lines.append(f"| {_title(row)} | {row['status']} |{' |' * 13}")
        else:
            cells = [
                _auroc(row), _spread(row, "shortcut_share_cue", 100, 1), _spread(row, "shortcut_lift_cue", 1, 1),
                _spread(row, "honest_lift_cue", 1, 2), _spread(row, "honest_share_own", 100, 0),
                _spread(row, "honest_lift_own", 1, 1), _spread(row, "shortcut_gain_logit", 1, 2),
                _number(row["phantom_1e-2"], 2), _number(row["v90_ml"], 0), _number(row["cpu_s"], 2),
                _p(row["p_cue"]), _p(row["p_own"]), _p(row["p_gain"]), row["status"],
            ]  # fmt: skip
            lines.append(f"| {_title(row)} | {' | '.join(cells)} |")
    lines += ["", *_about(about, 1), "", *_by_layer(rows), ""]
    return lines


def short(folder: Path) -> str:
    """Tier 1 for the README: all methods at the primary layer, on the image, and what knows nothing."""
    about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    primary = about["tier 1"]["primary"]
    rows = [r for r in read(folder / METHODS) if r["layer"] in (primary, "input", "-") and r["auroc"] is not None]
    lines = [
        "| method (layer) | AUROC: cheats? [95 % CI] | marker over chance (over the volume): shortcut | honest "
        "| own cue over chance: honest | deletion gain | CPU s |",
        "|---|---|---|---|---|---|---|",
    ]
    for (row,) in _grouped(rows):
        names = ("shortcut_lift_cue", "honest_lift_cue", "honest_lift_own")
        cells = ["-" if row[n] is None else f"{row[n]:.1f}x" for n in names]
        cells += [_number(row["shortcut_gain_logit"], 1), _number(row["cpu_s"], 2)]
        lines.append(f"| {_title(row)} | {_auroc(row)} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def tier_2(rows, _, about) -> list[str]:
    """Every organ; the median where there are several training seeds."""
    organs = list(dict.fromkeys(r["rule"] for r in rows))
    dice = about.get("tier 2", {}).get("dice", {})
    said = "; ".join(f"{organ} Dice {median(d[organ] for d in dice.values()):.2f}" for organ in organs if dice)
    lines = [
        "### Tier 2: a real CT",
        "",
        f"**One patient; measures the explanation, not the model.** A small network trained on that CT ({said} on it).",
        "What it uses is not known here: no winner. Own-organ share in % of the positive evidence (multiple of",
        "chance in the body), mean distance of the evidence to the organ, context-deletion gain (logit).",
        "",
        "| method (layer) | " + " | ".join(f"{o}: share (lift) | mm | V50 / V90 ml | gain" for o in organs) + " |",
        "|---|" + "---|" * 4 * len(organs),
    ]
    for group in _grouped(rows):
        cells = []
        for organ in organs:
            picked = [r for r in group if r["rule"] == organ]
            names = ("share_own", "lift_own", "mm_own", "v50_ml", "v90_ml", "gain_logit")
            share, lift, mm, v50, v90, gain = (_middle(picked, name) for name in names)
            cells.append("-" if share is None else f"{100 * share:.0f} ({lift:.1f}x)")
            cells += [_number(mm, 0), f"{_number(v50, 0)} / {_number(v90, 0)}", _number(gain, 2)]
        lines.append(f"| {_title(group[0])} | {' | '.join(cells)} |")
    return [*lines, "", *_about(about, 2), ""]


def _by_layer(rows):
    layers = list(dict.fromkeys(r["layer"] for r in rows if r["layer"] not in ("input", "-")))
    if not layers:
        return []
    known = {(r["layer"], r["method"]): r for r in rows}
    names = [m for m in dict.fromkeys(r["method"] for r in rows) if all((x, m) in known for x in layers)]
    lines = [
        "AUROC by layer (in brackets: the shortcut models' median marker lift):",
        "",
        f"| method | {' | '.join(layers)} |",
        "|---|" + "---|" * len(layers),
    ]
    for name in sorted(names, key=lambda n: (n != _HIRES, n)):
        found = [known[layer, name] for layer in layers]
        cells = [f"{_number(r['auroc'], 2)} ({_number(r['shortcut_lift_cue'], 1)}x)" for r in found]
        lines.append(f"| {_title(known[layers[0], name], False)} | {' | '.join(cells)} |")
    return lines


def _grouped(rows):
    """Rows of one method and layer together, in the order of the tables."""
    groups: dict[tuple, list[dict]] = {}
    for row in rows:
        groups.setdefault((row["layer"], row["method"]), []).append(row)

    layers = list(dict.fromkeys(layer for layer, _ in groups))

    def place(key):
        layer, method = key
        rank = 4 if method in (_REFERENCE, _EMPTY) else 3 if method in _NOTHING else 2 if layer == "input" else 0
        return rank, layers.index(layer) if rank == 0 else 0, method != _HIRES, method

    return [groups[key] for key in sorted(groups, key=place)]


def _title(row, layer=True):
    form = row["method"].partition(" ")[2]
    text = row["title"] + (f", {form}" if form and form not in row["title"] else "")
    text = f"**{text}**" if row["method"] == _HIRES else text
    return f"{text} ({row['layer']})" if layer and row["layer"] != "-" else text


def _auroc(row):
    return f"{row['auroc']:.2f} [{row['auroc_low']:.2f}-{row['auroc_high']:.2f}]"


def _spread(row, what, factor, digits):
    values = [row[f"{what}{part}"] for part in ("", "_q1", "_q3")]
    if None in values:
        return "-"
    middle, low, high = (f"{factor * v:.{digits}f}" for v in values)
    return f"{middle} [{low}, {high}]"


def _p(value):
    if value is None:
        return "-"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _number(value, digits):
    return "-" if value is None else f"{value:.{digits}f}"


def _worst(group, what, pick):
    values = [r[what] for r in group if r[what] is not None]
    return pick(values) if values else None


def _middle(rows, what):
    values = [r[what] for r in rows if r[what] is not None]
    return median(values) if values else None


def _about(about, tier):
    told = about.get(f"tier {tier}")
    if not told:
        return []
    settings = told["settings"]
    words = [f"{told['date']}; torch {told['torch']}, {told['threads']} thread(s), {told['machine']['cpu']}."]
    if tier:
        words.append(
            f"Score-CAM looks at {settings['score_cam_channels']} channels, integrated gradients take "
            f"{settings['integration_steps']} steps, LIFT {settings['lift_steps']}; deletion at "
            f"{', '.join(f'{100 * f:g}' for f in settings['deletion_fractions'])} % of the context against "
            f"{settings['random_orders']} random orders."
        )
    if tier == 1:
        words.append(
            f"{told['cases']} cases a model, of these {told['cases_slow_methods']} for methods that run the network "
            f"many times, on the image, and CAM, {told['cases_deletion']} for deletion."
        )
    return [f"<sub>{' '.join(words)} `{told['command']}`</sub>"]
