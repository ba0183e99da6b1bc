"""README's tables of what is paid once: the first call, the command line and the panel on a large CT, many pixel sets.

Made from the results of ``first_call.py``, ``command_line.py``, ``panel_side.py`` and ``many_questions.py`` in
``Testing/benchmarks``; standard library only.
"""

from __future__ import annotations

import json
from pathlib import Path

PEERS = {"ours": "seghirescam", "captum": "Captum", "torchcam": "torchcam"}
OWN = ("start and imports", "reading", "hashing", "placing", "writing", "rest")
STEPS = {
    "mask sent, body": "a mask of the body sent",
    "overlay made, quarters of cells": "overlay made, quarters of cells",
    "overlay made, the volume's voxels": "overlay made, the volume's voxels",
    "overlay shown, quarters of cells": "overlay shown, quarters of cells",
    "overlay shown, the volume's voxels": "overlay shown, the volume's voxels",
    "share inside": "share of the evidence in a segment",
}


def first_call(results: Path) -> str:
    found = json.loads((results / "first_call.json").read_text(encoding="utf-8"))
    heads = " | ".join(f"{name}, CPU s (MiB)" for name in PEERS.values())
    lines = [
        f"| network, layer | {heads} | second network / warm call |",
        "|---|---|---|---|---|",
    ]
    for name, by in found["rows"].items():
        cells = [f"{by[peer]['first_s']:.2f} ({by[peer]['first_mib']:.0f})" for peer in PEERS]
        lines.append(f"| {name} | {' | '.join(cells)} | {by['ours']['second_network_ratio']:.2f} |")
    return "\n".join(lines)


def command_line(results: Path) -> str:
    found = json.loads((results / "command_line.json").read_text(encoding="utf-8"))
    rows = [name for name in found if isinstance(found[name], dict) and "seconds" in found[name]]
    heads = "imports | reading | hashing | placing | writing | rest | **together** | passes | nnU-Net's own"
    lines = [
        f"| `explain`, CPU s | {heads} |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name in rows:
        seconds = found[name]["seconds"]
        own = [f"{seconds[stage]:.1f}" for stage in OWN]
        model = seconds["library"] + seconds["preprocessing"] + seconds["layers"]
        whole = found[name]["beside the model's own work"]
        lines.append(f"| {name} | {' | '.join(own)} | **{whole:.1f}** | {seconds['passes']:.1f} | {model:.1f} |")
    return "\n".join(lines)


def panel_side(results: Path) -> str:
    found = json.loads((results / "panel_side.json").read_text(encoding="utf-8"))
    lines = ["| in the panel | CPU s | float32 volumes of memory |", "|---|---|---|"]
    lines += [
        f"| {told} | {found[step]['seconds']:.2f} | {found[step]['volumes']:.2f} |" for step, told in STEPS.items()
    ]
    return "\n".join(lines)


def many_sets(results: Path) -> str:
    found = json.loads((results / "many_questions.json").read_text(encoding="utf-8"))
    sets, labels = found["sixteen_sets"], found["all_labels"]
    told = labels["held_mib"] + labels["estimate_mib"]
    return (
        f"Sixteen pixel sets of sixteen classes cost {sets['late']['forwards']:.1f} forwards at a late layer and "
        f"{sets['bottleneck']['forwards']:.1f} at the bottleneck, with one forward counted. The {labels['maps']} "
        f"labels of a CT, by one command with a small nnU-Net: {labels['forward_passes']} window passes, "
        f"{labels['cpu_seconds']:.0f} CPU s; {labels['peak_mib']:.0f} MiB in use at most, where {told:.0f} were "
        f"estimated ({labels['peak_with_kept_blocks_mib']:.0f} with the freed blocks that glibc keeps)."
    )


TABLES = {"first-call": first_call, "command-line": command_line, "panel-side": panel_side, "many-sets": many_sets}
