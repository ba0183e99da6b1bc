"""What the project promised itself before measuring, against what came out.  Standard library only."""

from __future__ import annotations

from rows import FLOOR

OURS = "**seghirescam** Seg-HiRes-Grad-CAM"
LATE_CHANNELS = 16


def check(lines: list[dict], size: int, flat: dict | None) -> list[tuple[str, float, float, bool]]:
    """(promise, measured, at most, kept) for every promise whose rows were measured."""
    by = {(line["contestant"], line["target"]): line for line in lines if line["status"] == "ok"}
    near, late = by.get((OURS, "bottleneck")), by.get((OURS, "late decoder"))
    floor = by.get((FLOOR.title, FLOOR.target))
    found = []
    if near:
        found.append(("bottleneck: time / forward", near["time_ratio"], 1.9))
        found.append(("bottleneck: memory / forward", near["memory_ratio"], 1.7))
    if late:
        copy = LATE_CHANNELS * size**3 * 4 / 2**20
        found.append(("late decoder: time / forward", late["time_ratio"], 1.1))
        if floor and late["extra_mib"] is not None:
            found.append(("late decoder: MiB", late["extra_mib"], 1.1 * floor["extra_mib"] + copy))
    for target, bound in (("bottleneck + decoder", 1.05), ("bottleneck + decoder + encoder", 1.35)):
        many = by.get((OURS, target))
        if near and many:
            found.append((f"{target}: time / bottleneck alone", many["cpu_s"] / near["cpu_s"], bound))
    for target, ours in (("bottleneck", near), ("late decoder", late)):
        peers = [x for (name, t), x in by.items() if t == target and "seghirescam" not in name]
        if ours and peers:
            found += _against_best(target, ours, peers)
    if flat and "growth" in flat:
        found.append(("memory after 50 explanations / after 10", 1 + flat["growth"], 1.02))
    return [(name, value, bound, value <= bound) for name, value, bound in found if value is not None]


def _against_best(target, ours, peers):
    """No peer faster or smaller beyond noise, which is the best peer's own spread (memory: 2 %)."""
    fastest = min(peers, key=lambda x: x["time_ratio"])
    noise = fastest["time_ratio_high"] / fastest["time_ratio"]
    yield f"{target}: time / {fastest['contestant']}", ours["time_ratio"] / fastest["time_ratio"], noise
    sized = [x for x in peers if x["memory_ratio"]]
    if sized and ours["memory_ratio"]:
        smallest = min(sized, key=lambda x: x["memory_ratio"])
        yield f"{target}: memory / {smallest['contestant']}", ours["memory_ratio"] / smallest["memory_ratio"], 1.02
