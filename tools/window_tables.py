"""The tables of what sliding windows cost, from ``results/windows.json``. Standard library only."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median

#: of the balls that were explained, in voxels; as in Testing/benchmarks/windows.py
RADII = (8, 20, 40)


def table(results: Path) -> str:
    found = json.loads((results / "windows.json").read_text(encoding="utf-8"))["rows"]

    def middle(rows, key="cpu_s"):
        values = [row[key] for row in rows if key in row]
        return median(values) if values else None

    whole = middle(found["predict"])
    lines = ["| what | windows run | CPU time | beside predicting the whole volume |", "|---|---|---|---|"]
    total = found["predict"][0].get("run", "-")
    lines.append(f"| predicting the whole volume, MONAI's inferer | {total} | {whole:.0f} s | 1.00 |")
    for radius in RADII:
        for key, words in ((f"ours {radius}", "exact"), (f"ours {radius}, 1 %", "99 % of M's weight")):
            rows = found[key]
            seconds = middle(rows)
            lines.append(
                f"| explaining a ball of radius {radius} voxels, {words} | {rows[0]['run']} of {rows[0]['of']} | "
                f"{seconds:.0f} s | {seconds / whole:.2f} |"
            )
    rows = found["naive 20"]
    seconds = middle(rows)
    if seconds is None:
        lines.append(
            f"| radius 20, a plain backward pass through MONAI's inferer | all | did not run: {rows[0]['failed']} | |"
        )
    else:
        lines.append(
            f"| radius 20, a plain backward pass through MONAI's inferer | {rows[0]['run']} of {rows[0]['of']} | "
            f"{seconds:.0f} s | {seconds / whole:.2f} |"
        )
    lines += _nnunet(found)
    lines += [
        "",
        "| memory above the prepared image | volumes (float32) | of which one window's pass |",
        "|---|---|---|",
    ]
    for name, rows in found.items():
        if name.startswith("memory") and "failed" not in rows[0]:
            row = rows[0]
            shape = " x ".join(map(str, row["shape"][::-1]))
            window = f"{row['window_mib'] / row['volume_mib']:.2f}" if "window_mib" in row else "-"
            what = name.replace("memory of predicting", "predicting, 3 classes").replace("memory ", "explaining, ")
            lines.append(f"| {what} ({shape}) | {row['extra_mib'] / row['volume_mib']:.2f} | {window} |")
    return "\n".join(lines)


def _nnunet(found: dict) -> list[str]:
    """Markdown lines; the last column is beside our own prediction of the whole volume."""
    mine, theirs = found["nnU-Net, ours"][0], found["nnU-Net, nnunetv2-cam"][0]
    if "failed" in mine:
        return []
    whole = mine["predicting_s"]
    lines = [
        "| an nnU-Net, the class it predicts (a ball of radius 20 and strays), predicting included | "
        f"{mine['run']} of {mine['of']} | "
        f"{mine['cpu_s']:.0f} s | {mine['cpu_s'] / whole:.2f} |"
    ]
    if "failed" in theirs:
        return [*lines, f"| the same, nnunetv2-cam 0.1.6.1 | | did not run: {theirs['failed']} | |"]
    return [
        *lines,
        f"| the same, nnunetv2-cam 0.1.6.1 (correlation with our map {theirs['correlation']:.2f}) | "
        f"{theirs['run']} of {theirs['of']} | {theirs['cpu_s']:.0f} s | {theirs['cpu_s'] / whole:.2f} |",
    ]
