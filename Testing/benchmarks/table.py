"""The results as JSON, CSV and a markdown table.  Stdlib only."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from rows import BEFORE_IN_PLACE, FLOOR
from summary import COLUMNS

HEAD = (
    "| contestant | n | time / forward | memory / forward | CPU s (first call) | MiB (stays) | map against float64 | |"
)
RULE = "|---|---|---|---|---|---|---|---|"
BF16 = ", bf16 autocast"


def write(folder: Path, lines: list[dict], facts: dict, raw: dict) -> str:
    """results.json, results.csv and table.md in ``folder``; returns the markdown."""
    folder.mkdir(parents=True, exist_ok=True)
    text = markdown(lines, facts)
    (folder / "results.json").write_text(json.dumps({"facts": facts, "rows": lines, "raw": raw}, indent=1) + "\n")
    with (folder / "results.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(lines)
    (folder / "table.md").write_text(text)
    return text


def markdown(lines: list[dict], facts: dict) -> str:
    """The whole block: what was measured, one table a target, memory after many explanations, the machine."""
    out = [_intro(facts)]
    notes = _comparisons(lines)
    bf16 = [line for line in lines if "bf16" in line["contestant"]]
    fp32 = [line for line in lines if line not in bf16]
    floors = [line for line in fp32 if line["contestant"] == FLOOR.title]
    for target in dict.fromkeys(line["target"] for line in fp32):
        if target not in (FLOOR.target, BEFORE_IN_PLACE):
            out += [f"**Target layer: {target}**\n", HEAD, RULE]
            out += [_row(x, notes) for x in floors + [line for line in fp32 if line["target"] == target]] + [""]
    if bf16:
        out += ["**bf16 autocast**\n", HEAD, RULE, *[_row(x, notes, bf16=True) for x in bf16], ""]
    checks = [line for line in fp32 if line["target"] == BEFORE_IN_PLACE]
    if checks:
        out += [f"**Is the map right? Target: a {BEFORE_IN_PLACE}** (not timed)\n"]
        out += ["| contestant | map against float64 | |", "|---|---|---|"]
        out += [f"| {x['contestant']} | {_agreement(x)} | {_note(x)} |" for x in checks] + [""]
    flat = facts.get("flat")
    if flat and "growth" in flat:
        out.append(
            f"Memory of one process after the 10th and the {len(flat['resident_mib'])}th explanation: "
            f"{flat['after_10']:.0f} and {flat['after_last']:.0f} MiB ({flat['growth']:+.1%}).\n"
        )
    return "\n".join([*out, _machine(facts), ""])


def _comparisons(lines):
    """What a row is best compared with besides the floor: several layers with the bottleneck alone, bf16 with fp32."""
    seconds = {(x["contestant"], x["target"]): x["cpu_s"] for x in lines if x["cpu_s"]}
    notes = {}
    for name, target in seconds:
        one = seconds.get((name, "bottleneck"))
        full = seconds.get((name.replace(BF16, ""), target))
        if BF16 in name and full:
            notes[name, target] = f"{full / seconds[name, target]:.2f}x as fast as fp32"
        elif target.startswith("bottleneck +") and one:
            notes[name, target] = f"{seconds[name, target] / one:.2f}x the time of the bottleneck alone"
    return notes


def _intro(facts):
    settings = facts["settings"]
    size = settings["size"]
    return (
        f"MONAI DynUNet (5.65 M parameters, instance norm, in-place activations), 1 x 1 x {size}^3, fp32, "
        f"{settings['threads']} thread(s); M = {facts['share_of_m']:.0%} of the voxels. Median of n "
        "fresh processes a row, rounds interleaved. Every process runs two plain forwards and the contestant's call "
        "once as a warm-up, then the call that counts. Time: process CPU seconds (in brackets: the first call's). "
        "Memory: that call's peak resident memory above the loaded process before any explanation (in brackets: what "
        "the first call left behind, such as the graph, parameter gradients or imports; it is part of the peak), in "
        "processes of their own, where malloc returns freed "
        "blocks at once. Ratios are to the plain `no_grad` forward in the same run. A map is compared with "
        "`autograd.grad` in float64: largest difference relative to the largest value, and correlation; where a peer "
        "only returns rectified or min-max values the reference gets the same treatment.\n"
    )


def _row(line, notes, bf16=False):
    name = f"{line['contestant']}; {line['target']}" if bf16 and line["target"] != FLOOR.target else line["contestant"]
    note = "; ".join(part for part in (_note(line), notes.get((line["contestant"], line["target"]), "")) if part)
    if line["status"] != "ok":
        return f"| {name} | | did not run | | | | | {note} |"
    spread = "" if line["rounds"] < 2 else f" ({line['time_ratio_low']:.2f}-{line['time_ratio_high']:.2f})"
    memory = ("-", "-")
    if line["memory_ratio"] is not None:
        memory = f"{line['memory_ratio']:.2f}", f"{line['extra_mib']:.0f} ({round(line['stays_mib'])})"
    seconds = f"{line['cpu_s']:.2f} ({line['first_call_cpu_s']:.2f})"
    return (
        f"| {name} | {line['rounds']} | {line['time_ratio']:.2f}{spread} | {memory[0]} | {seconds} | {memory[1]} "
        f"| {_agreement(line, bf16)} | {note} |"
    )


def _agreement(line, with_cosine=False):
    if line["status"] != "ok":
        return "did not run"
    if line["max_difference"] is None:
        return ""
    text = f"{line['max_difference']:.1e}"
    text += ", r undefined" if line["correlation"] is None else f", r = {line['correlation']:.6f}"
    return text + (f", cosine {line['cosine']:.6f}" if with_cosine and line["cosine"] is not None else "")


def _note(line):
    rectified = "" if line["compared"] in (None, "", "signed") else f"compared {line['compared']}"
    return "; ".join(part for part in (line["note"].replace("|", "/")[:160], rectified) if part)


def _machine(facts):
    machine, versions = facts["machine"], facts["versions"]
    used = ", ".join(f"{name} {version}" for name, version in versions.items())
    return (
        f"{facts['date']}; {machine['cpu']}, {machine['processors']} processors, {machine['memory_gib']} GiB, "
        f"{machine['system']}, Python {machine['python']}; {used}; memory by {facts['memory_by']}."
    )
