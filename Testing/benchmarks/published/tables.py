"""summary.json and the tables of the published networks, from the committed rows."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.known.store import read

from . import summary

#: the networks' order and names in the tables
NETWORKS = {
    "meshnet_gwm": "MeshNet, 3 classes", "meshnet_gwm20": "MeshNet, 3 classes, wider",
    "meshnet_18": "MeshNet, 18 classes", "meshnet_104": "MeshNet, 104 classes", "deepbet": "deepbet's U-Net",
}  # fmt: skip
CAUSES = {"bead": "bright bead", "shift": "darker ball", "hemisphere": "right half"}
METHODS = {
    "seg_hires_grad_cam": "**Seg-HiRes-Grad CAM**", "seg_grad_cam": "Seg-Grad-CAM", "seg_xres_cam": "Seg-XRes-CAM",
    "seg_layer_cam": "Seg-Layer-CAM", "seg_xgrad_cam": "Seg-XGrad-CAM", "seg_grad_cam_pp": "Seg-Grad-CAM++",
    "edges": "edges of the image", "random": "random",
}  # fmt: skip
LAYERS = ("early", "middle", "late", "last")
HIRES, NO_LAYER = "seg_hires_grad_cam", "-"


def write(out: Path) -> None:
    """summary.json, networks.md, methods.md and layers.md in the folder of causes.csv, checks.csv and about.json."""
    found = summary.of(read(out / "causes.csv"), read(out / "checks.csv"))
    about = json.loads((out / "about.json").read_text(encoding="utf-8"))
    (out / "summary.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    files = {
        "networks.md": [by_network(found), "", _told(found, about)],
        "methods.md": "\n\n".join(by_method(found, layer) for layer in LAYERS[:2]).split("\n"),
        "layers.md": "\n\n".join(by_layer(found, cause) for cause in CAUSES).split("\n"),
    }
    for name, lines in files.items():
        (out / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def by_network(found: dict) -> str:
    """A column a network: the planted causes and what Seg-HiRes-Grad CAM shows of them, then the checks."""
    own = [name for name in NETWORKS if name in found["copies"]]
    lines = [_row("", (NETWORKS[name] for name in own)), "|---" * (len(own) + 1) + "|"]
    failed = {(row["network"], row["head"]): row["copies"] for row in found["failed"]}
    drawn = [f"{found['copies'][n] - sum(c for (m, _), c in failed.items() if m == n)} of {found['copies'][n]}"
             for n in own]  # fmt: skip
    lines.append(_row("copies in which it draws the class at the place asked about", drawn))
    planted = {(row["network"], row["cause"]): row for row in found["causes"]}
    for cause, title in CAUSES.items():
        lines.append(_row(f"{title}: moves the score", (_moved(planted.get((n, cause))) for n in own)))
        for layer in ("early", "middle"):
            cells = [_picked(found["shown"], network=n, cause=cause, layer=layer, method=HIRES) for n in own]
            lines.append(_row(f"{title}, {layer} layer: times chance", map(_lift, cells)))
            lines.append(_row(f"{title}, {layer} layer: sign right", map(_sign, cells)))
            if cause != "hemisphere":
                lines.append(_row(f"{title}, {layer} layer: change right", map(_change, cells)))
    checks = (
        ("painted", NO_LAYER, NO_LAYER, "effect left when the bead is masked out, %", 100, 1),
        ("phantom", "middle", HIRES, "evidence in cells without influence, %", 100, 1),
        ("phantom", "middle", "seg_grad_cam", "the same, Seg-Grad-CAM, %", 100, 1),
        ("gap", "middle", HIRES, "completeness gap, middle layer", 1, 2),
        ("gap", "last", HIRES, "completeness gap, last layer", 1, 2),
        ("full_grad", NO_LAYER, NO_LAYER, "completeness gap of signed Seg-FullGrad", 1, 6),
        ("randomised", "middle", HIRES, "rank correlation with the map of random weights", 1, 2),
        ("deletion", "middle", HIRES, "context deletion, gain in logit", 1, 2),
        ("deletion", "middle", "seg_grad_cam", "the same, Seg-Grad-CAM", 1, 2),
        ("deletion", NO_LAYER, "edges", "the same, edges", 1, 2),
        ("block_dice", NO_LAYER, NO_LAYER, "Dice near M, block of 64 against 112 voxels", 1, 3),
    )
    for check, layer, method, title, factor, digits in checks:
        cells = [_picked(found["checks"], network=n, check=check, layer=layer, method=method) for n in own]
        lines.append(_row(title, (_range(cell, factor, digits) for cell in cells)))
    return "\n".join(lines)


def by_method(found: dict, layer: str) -> str:
    """A row a method, all networks together."""
    heads = [f"{title}: {what}" for title in CAUSES.values() for what in ("times chance", "sign right")]
    lines = [_row(f"method ({layer} layer)", heads), "|---" * (len(heads) + 1) + "|"]
    for method, title in METHODS.items():
        place = NO_LAYER if method in ("edges", "random") else layer
        cells = [_picked(found["shown"], network=summary.ALL, cause=c, layer=place, method=method) for c in CAUSES]
        # what knows no sign has none to be right or wrong
        known = place != NO_LAYER
        lines.append(_row(title, (text for c in cells for text in (_lift(c), _sign(c) if known else "-"))))
    return "\n".join(lines)


def by_layer(found: dict, cause: str) -> str:
    """A row a layer, a column a network, Seg-HiRes-Grad CAM."""
    own = [name for name in NETWORKS if name in found["copies"]]
    lines = [_row(f"{CAUSES[cause]}, layer", (NETWORKS[name] for name in own)), "|---" * (len(own) + 1) + "|"]
    for layer in LAYERS:
        cells = [_picked(found["shown"], network=n, cause=cause, layer=layer, method=HIRES) for n in own]
        lines.append(_row(layer, (f"{_lift(c)}, {_sign(c)}" if c else "-" for c in cells)))
    return "\n".join(lines)


def _told(found, about):
    words = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    return f"<sub>{words}; {about['machine']['cpu']}, 1 thread, {found['cpu_s'] / 60:.0f} CPU minutes.</sub>"


def _picked(rows, **facts):
    return next((row for row in rows if facts.items() <= row.items()), None)


def _row(title, cells):
    return f"| {' | '.join([title, *cells])} |"


def _moved(row):
    return "-" if row is None else f"{row['causes']} of {row['copies']} ({row['effect_median']:+.2f} logit)"


def _lift(row):
    if row is None:
        return "-"
    inside = f" [{row['lift_low']:.1f}, {row['lift_high']:.1f}]" if row["lift_low"] is not None else ""
    return f"{row['lift']:.1f}{inside}"


def _sign(row):
    if row is None:
        return "-"
    return f"{row['right']} of {row['n']} [{100 * row['right_low']:.0f}-{100 * row['right_high']:.0f} %]"


def _change(row):
    return "-" if row is None else f"{row['change_right']} of {row['changes']}"


def _range(row, factor, digits):
    if row is None:
        return "-"
    middle, low, high = (f"{factor * row[name]:.{digits}f}" for name in ("median", "low", "high"))
    return f"{middle} [{low}, {high}]" if low != high else middle
