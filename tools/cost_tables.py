"""Tables and sentences of what is paid once: the first call, the command line and the panel on a large CT, many pixel
sets, a second question, a cohort of many questions.

Made from the results of the scripts of those names in ``Testing/benchmarks``; standard library only.
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


def second_question(results: Path) -> str:
    result = json.loads((results / "second_question.json").read_text(encoding="utf-8"))
    costs = "; ".join(
        f"{layer} {values['ratio']:.2f}x ({values['second']:.2f} of {values['first']:.2f} s)"
        for layer, values in result["engine"].items()
    )
    calls = max(values["forward"] for values in result["engine"].values())
    gap = 1000 * max(result["panel"]["gaps_s"])
    return (
        f"A second question about the same case (other voxels, same layer) makes no forward call ({calls} for both) "
        f"and costs, CPU time against the first at 96^3: {costs}. While the worker computed three questions on the "
        f"demo case the panel's event loop waited {gap:.0f} ms at most."
    )


def cohort_size(results: Path) -> str:
    found = json.loads((results / "cohort.json").read_text(encoding="utf-8"))
    more = found["extrapolated"]
    rate, memory = found["computed"] / found["run_seconds"], more["memory"]["table"]["gigabytes"]
    return (
        f"{found['questions']:,} questions, each a pass of 10 ms, took the run's own process "
        f"{found['cpu_ms_a_question_beside_its_pass']:.1f} ms of CPU each, "
        f"{found['peak_megabytes_of_the_run_s_process']:.0f} MB of memory, and "
        f"{found['look_up_there_cpu_ms']:.2f} ms to look up an answer that is there. Two workers gave {rate:.0f} "
        f"answers a second. Extrapolated to {more['questions']:,} questions (100,000 cases, 5 models): "
        f"{more['run_s_own_process_hours']:.1f} h of its CPU, {more['resume_minutes']:.0f} min to go on after an "
        f"interruption, {memory:.1f} GB of memory at most, and a table of {more['table_csv_gigabytes']:.1f} GB. What "
        f"breaks first is the one core of the run's own process, at {more['questions_a_second_at_most']:.0f} questions "
        f"a second for all workers; `--part` divides it. Then comes a quota on files, one a question."
    )


TABLES = {
    "first-call": first_call,
    "command-line": command_line,
    "panel-side": panel_side,
    "many-sets": many_sets,
    "second": second_question,
}
