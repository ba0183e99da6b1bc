"""What the full check says of our own map, as docs/explanation/faithful.md tells it, from ``results/trust.json``."""

from __future__ import annotations

import json
import re
from pathlib import Path

OURS, OTHER = "seg_hires_grad_cam", "seg_grad_cam"
_SAID = {
    "supported": "supports",
    "not supported by the model": "does not support",
    "not judged": "does not judge",
}


def made(results: Path) -> str:
    models = json.loads((results / "trust.json").read_text(encoding="utf-8"))["models"]
    value = {
        (model, method, name): number["value"]
        for model, methods in models.items()
        for method, one in methods.items()
        for name, number in one["numbers"].items()
    }
    limit = models["shortcut"][OURS]["numbers"]["context_deletion_gain"]["threshold"]
    before, after = re.findall(r"from ([\d.]+) to ([\d.]+) logit", _note(models))[0]
    gaps = [100 * value[model, OURS, "completeness_gap"] for model in models]
    flips = sorted(value[model, OURS, "stability_flip"] for model in models)
    others = sorted(value[model, OTHER, "stability_flip"] for model in models)
    gain = value["shortcut", OURS, "context_deletion_gain"]
    other = value["shortcut", OTHER, "context_deletion_gain"]
    lines = [
        f"- Honest network: the check {_verdict(models, 'honest', OURS)} Seg-HiRes-Grad CAM and "
        f"{_verdict(models, 'honest', OTHER)} Seg-Grad-CAM. Shortcut network: it "
        f"{_verdict(models, 'shortcut', OURS)} Seg-HiRes-Grad CAM and {_verdict(models, 'shortcut', OTHER)} "
        "Seg-Grad-CAM.",
        *(
            f"- {model.capitalize()} network: without the cells that hold half of Seg-HiRes-Grad CAM's evidence the "
            f"mean score changes by {_fall(models, model, OURS)}, without half of Seg-Grad-CAM's by "
            f"{_fall(models, model, OTHER)}."
            for model in ("honest", "shortcut")
        ),
        "- Shortcut network: deleting the context in the order of Seg-HiRes-Grad CAM lowers the mean score by "
        f"{gain:.1f} logit more than random orders do; at least {limit:.1f} (two standard deviations) is needed. In "
        f"the order of Seg-Grad-CAM it lowers the score by {abs(other):.1f} logit {'less' if other < 0 else 'more'} "
        "than random orders do.",
        f"- Honest network: it does not need the context. Without any context its mean score goes from {before} to "
        f"{after}. {100 * value['honest', OURS, 'evidence_at_m']:.0f} % of Seg-HiRes-Grad "
        f"CAM's evidence lies where the segment is, {100 * value['honest', OTHER, 'evidence_at_m']:.0f} % of "
        "Seg-Grad-CAM's.",
        f"- Against Seg-HiRes-Grad CAM: its completeness gap is {min(gaps):.0f} to {max(gaps):.0f} %. The part of the "
        "network behind the layer is far from linear, so the total of the map says little.",
        "- Also against it: flipping the image left to right changes it more than it changes Seg-Grad-CAM's map "
        f"(1 - rank correlation: {flips[0]:.2f} to {flips[1]:.2f}, against {others[0]:.2f} to {others[1]:.2f}).",
    ]
    if not flips[0] > others[1]:
        raise ValueError("The last sentence does not hold any more.")
    return "\n".join(lines)


def _verdict(models: dict, model: str, method: str) -> str:
    return _SAID[models[model][method]["verdict"]]


def _fall(models: dict, model: str, method: str) -> str:
    """Of the cells' test: what the map's cells change, and the draws that change most."""
    one = models[model][method]["numbers"]["cells_removed"]
    return f"{0 - one['value']:+.2g} logit ({0 - one['threshold']:+.2g} at the most for random cells)"


def _note(models: dict) -> str:
    return models["honest"][OURS]["numbers"]["context_deletion_gain"]["note"]
