"""The markdown table of roar.csv, and the statistics in it.  Seeds are the unit; cases are given beside them."""

from __future__ import annotations

import numpy as np

from .maps import CONTROLS, FIXED, GRAD, HIRES, MATCHED, METHODS, RANDOM_GRAD, RANDOM_HIRES, ROWS
from .rows_file import CONTEXT, HOLES, KEEP, NOTHING, PLAIN, REMOVE, Job, Result

DRAWS = 2000
TITLES = {
    HIRES: "**Seg-HiRes-Grad CAM**",
    GRAD: "Seg-Grad-CAM",
    "seg_xres_cam": "Seg-XRes-CAM (mean, 16 px)",
    "seg_layer_cam": "Seg-Layer-CAM",
    "seg_grad_cam_pp": "Seg-Grad-CAM++",
    "seg_xgrad_cam": "Seg-XGrad-CAM",
    MATCHED: "Seg-HiRes-Grad CAM, blurred to Seg-Grad-CAM's correlation length",
    FIXED: "Seg-HiRes-Grad CAM, blurred by 4 px",
    RANDOM_HIRES: "random, as smooth as Seg-HiRes-Grad CAM",
    RANDOM_GRAD: "random, as smooth as Seg-Grad-CAM",
    "random": "random pixels",
    "edges": "edges (Sobel)",
    "cause": "the true cause",
    "paint_the_prediction": "paint the prediction",
}
PARTS = {
    (CONTEXT, REMOVE): "Removed and retrained, the body itself is never removed (the main result)",
    (
        CONTEXT,
        HOLES,
    ): "Only the holes: 1 where a pixel would go, 0 elsewhere, and the body; no other pixel of the image",
    (PLAIN, REMOVE): "Removed and retrained, the body may be removed too",
    (CONTEXT, KEEP): "Only those pixels kept (and the body) and retrained",
}


class Part:
    """One variant and mode: Dice ``[rows, fractions, seeds]`` and ``[..., cases]`` of the fractions that are complete.

    A fraction is complete when every row of every seed is there; others are left out of everything.
    """

    def __init__(self, found: dict[Job, Result], variant: str, mode: str):
        self.seeds = sorted(job.seed for job in found if job.row == NOTHING)
        mine = {job: result for job, result in found.items() if (job.variant, job.mode) == (variant, mode)}

        def whole(fraction):
            return all(Job(variant, mode, row, fraction, seed) in mine for row in ROWS for seed in self.seeds)

        self.fractions = [f for f in sorted({job.fraction for job in mine}) if whole(f)]
        self.left_out = len(mine) - len(ROWS) * len(self.fractions) * len(self.seeds)
        plain = [found[Job("", "", NOTHING, 0.0, seed)] for seed in self.seeds]

        def each(take):
            return np.array([
                [[take(mine[Job(variant, mode, row, f, seed)]) for seed in self.seeds] for f in self.fractions]
                for row in ROWS
            ])  # fmt: skip

        if self.fractions:
            self.dice, self.gone = each(lambda r: r.dice), each(lambda r: r.cause_gone)
            self.known, self.cases = each(lambda r: r.told_apart), each(lambda r: np.array(r.cases) / 1000)
            #: Dice of the unchanged images minus that of the changed ones
            self.drop = np.array([r.dice for r in plain]) - self.dice

    def difference(self, row: str, other: str) -> Interval:
        """Of the Dice drops of two rows, averaged over the fractions, paired by seed and case."""
        a, b = ROWS.index(row), ROWS.index(other)
        by_seed = (self.drop[a] - self.drop[b]).mean(axis=0)
        by_case = (self.cases[b] - self.cases[a]).mean(axis=0)
        return Interval(by_seed, by_case)


class Interval:
    """mean; seeds: 95 % interval of Student's t over the seeds (None for one); cases: bootstrap over the cases of each
    seed, which says nothing about another training."""

    def __init__(self, by_seed: np.ndarray, by_case: np.ndarray):
        from scipy.stats import t

        n = len(by_seed)
        self.mean, self.by_seed, self.seeds = float(by_seed.mean()), by_seed, None
        if n > 1:
            half = float(t.ppf(0.975, n - 1) * by_seed.std(ddof=1) / n**0.5)
            self.seeds = self.mean - half, self.mean + half
        rng = np.random.default_rng(0)
        size = by_case.shape[1]
        means = sum(case[rng.integers(size, size=(DRAWS, size))].mean(axis=1) for case in by_case) / n
        self.cases = tuple(float(v) for v in np.quantile(means, (0.025, 0.975)))

    def __str__(self):
        words = f"{self.mean:+.3f}"
        if self.seeds:
            words += f" [{self.seeds[0]:+.3f}, {self.seeds[1]:+.3f}]"
        return words

    @property
    def by_cases(self) -> str:
        return f"[{self.cases[0]:+.3f}, {self.cases[1]:+.3f}]"


def markdown(found: dict[Job, Result], about: dict) -> str:
    """The whole table.md. found: rows of the CSV; about: roar.json."""
    lines = [*_head(found, about)]
    for (variant, mode), title in PARTS.items():
        part = Part(found, variant, mode)
        if part.fractions:
            lines += ["", f"## {title}", "", *(_holes(part) if mode == HOLES else _table(part, mode))]
            if part.left_out:
                lines += ["", f"{part.left_out} trainings of fractions that are not complete are in no number here."]
            if mode == REMOVE:
                lines += ["", *_trap(part)]
    return "\n".join(lines) + "\n"


def _head(found, about):
    plain = {job.seed: result for job, result in sorted(found.items(), key=lambda x: x[0].seed) if job.row == NOTHING}
    each = ", ".join(f"{r.dice:.3f}" for r in plain.values())
    yield "# ROAR on a toy task"
    yield ""
    yield "Made from roar.csv by `python Testing/benchmarks/roar --table`; task, network and settings in roar.json."
    yield (
        f"{len(found)} trainings, {about['cpu_hours']:.2f} hours of CPU time on one thread "
        f"({about['wall_hours']:.2f} hours on the clock, shared machine). Dice on unchanged images, by seed: {each}."
    )
    yield (
        f"Dice drops are means over {len(plain)} seeds. Intervals are 95 %: first Student's t over the seeds, then a "
        "bootstrap over the test cases of each seed, which takes the trained networks as given."
    )
    yield (
        f"With {len(plain)} seeds a signed-rank test cannot go below p = {2 ** (1 - len(plain)):g}: no row is called "
        "better than another here, and nothing is set in bold for its number."
    )
    maps = about.get("maps", {}).values()
    if maps:
        known = {key: [m[key] for m in maps if m[key] is not None] for key in ("hires_length", "grad_length", "sigma")}
        ours, other, sigma = (float(np.mean(values)) for values in known.values())
        yield (
            f"Layer {about['settings']['layer']} (16 x 16 cells of 4 px). Correlation length of the test images' maps: "
            f"{ours:.1f} px (Seg-HiRes-Grad CAM), {other:.1f} px (Seg-Grad-CAM); the blur that matches them is "
            f"{sigma:.2f} px on average, 0 where ours is as long already."
        )
        empty = 100 * np.mean([m["empty"] for m in maps])
        yield f"Test images in which the network drew nothing, so that its maps are empty: {empty:.1f} %."


def _table(part, mode):
    shares = [f"{100 * f:g} %" for f in part.fractions]
    what = "kept" if mode == KEEP else "removed"
    yield f"| Dice drop, pixels {what}: | {' | '.join(shares)} | mean | cause gone at {shares[0]} | " + (
        f"classes told apart at {shares[0]} | mean minus smooth random's | by cases |"
    )
    yield "|---" * (len(shares) + 6) + "|"
    for row in METHODS + CONTROLS:
        at = ROWS.index(row)
        drops = part.drop[at].mean(axis=1)
        gain = part.difference(row, RANDOM_HIRES)
        gains = ["", ""] if row == RANDOM_HIRES else [str(gain), gain.by_cases]
        cells = [*(f"{d:.3f}" for d in drops), f"{drops.mean():.3f}", f"{100 * part.gone[at, 0].mean():.0f} %"]
        cells += [f"{part.known[at, 0].mean():.2f}", *gains]
        yield f"| {TITLES[row]} | {' | '.join(cells)} |"


def _holes(part):
    yield (
        "What the shape of the holes alone tells about the class: 0.50 is nothing, 1.00 everything. ROAR cannot show a "
        "loss of what the holes give back."
    )
    yield ""
    yield f"| {100 * part.fractions[0]:g} % of the pixels as holes | classes told apart | by seed | Dice |"
    yield "|---|---|---|---|"
    for row in METHODS + CONTROLS:
        at = ROWS.index(row)
        known = part.known[at, 0]
        each = ", ".join(f"{v:.2f}" for v in known)
        yield f"| {TITLES[row]} | {known.mean():.2f} | {each} | {part.dice[at, 0].mean():.3f} |"


def _trap(part):
    yield "Does a blur, which adds no information, change the result? Drop of the blurred map minus that of the map:"
    for row in (MATCHED, FIXED):
        found = part.difference(row, HIRES)
        each = ", ".join(f"{v:+.3f}" for v in found.by_seed)
        yield f"- {TITLES[row]}: {found}, by cases {found.by_cases}, by seed {each}"
    for row in (GRAD, "cause"):
        found = part.difference(row, HIRES)
        yield f"- for comparison, {TITLES[row]} minus {TITLES[HIRES]}: {found}, by cases {found.by_cases}"
