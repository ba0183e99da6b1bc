"""The numbers as a page of Markdown; what was not measured says so and why."""

from __future__ import annotations

NOT = "not measured"
#: what a row tells, in this order, where it knows it
COLUMNS = {
    "median_s": "seconds", "p95_s": "p95", "first_s": "first", "forwards": "forwards", "peak_gib": "GiB",
    "computed_in": "in", "r": "r", "largest": "largest difference", "bit_equal": "same bits", "windows": "windows",
    "device": "device", "precision": "precision", "sentence": "told", "seconds": "took",
}  # fmt: skip


def markdown(results: dict, blocks: list[str]) -> str:
    """results: as :mod:`__main__` writes them."""
    facts = results["machine"]
    card = facts["card"] or "no GPU"
    lines = ["# On a GPU", "", f"Card: {card}, driver {facts['driver'] or '-'}, PyTorch {facts['torch']}."]
    if results["tiny"]:
        lines.append("Tiny networks: these numbers only show that everything runs.")
    for name in blocks:
        lines += ["", f"## {name}", ""]
        lines += _block(results.get(name, {NOT: "left out"}))
    return "\n".join(lines) + "\n"


def _block(found: dict) -> list[str]:
    if NOT in found:
        return [f"{NOT}: {found[NOT]}"]
    if "error" in found:
        return [f"{NOT}: {found['error'].strip().splitlines()[-1]}"]
    rows = list(_rows(found))
    known = [key for key in COLUMNS if any(row.get(key) is not None for _, row in rows)]
    head = ["", *(COLUMNS[key] for key in known)]
    lines = [" | ".join(head), " | ".join("---" for _ in head)]
    for name, row in rows:
        cells = [f"{NOT}: {row[NOT]}"] if NOT in row else [_cell(row.get(key)) for key in known]
        lines.append(" | ".join([name, *cells, *[""] * (len(known) - len(cells))]))
    return [f"| {line} |" for line in lines]


def _rows(found: dict, before: str = ""):
    """(name, row) of everything that is a row: a mapping to plain values."""
    for name, value in found.items():
        if not isinstance(value, dict):
            continue
        called = f"{before}{name}"
        if any(isinstance(inner, dict) for inner in value.values()):
            yield from _rows(value, f"{called}: ")
        else:
            yield called, value


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value).replace("|", "/")
