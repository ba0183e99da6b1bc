"""How near a contestant's map comes to the float64 reference."""

from __future__ import annotations

import numpy as np

SIGNED, RECTIFIED, UNIT = "signed", "after ReLU", "after ReLU and min-max"


def compare(found: np.ndarray, truth: np.ndarray, kind: str) -> dict:
    """Largest difference relative to the reference's largest value, cosine and correlation.

    kind: what the contestant has done to its map; the reference gets the same treatment.
    """
    found = np.asarray(found, dtype=np.float64).squeeze()
    truth = np.asarray(truth, dtype=np.float64).squeeze()
    if kind in (RECTIFIED, UNIT):
        truth = np.maximum(truth, 0)
    if kind == UNIT:
        truth = (truth - truth.min()) / (np.ptp(truth) or 1)
    if found.shape != truth.shape:
        return {"kind": kind, "error": f"shape {found.shape} instead of {truth.shape}"}
    if not np.isfinite(found).all():
        return {"kind": kind, "error": "not finite"}
    scale = np.abs(truth).max() or 1.0
    norm = np.linalg.norm(found) * np.linalg.norm(truth)
    flat = np.ptp(found) == 0 or np.ptp(truth) == 0
    return {
        "kind": kind,
        "max_difference": float(np.abs(found - truth).max() / scale),
        "cosine": float((found * truth).sum() / norm) if norm else None,
        "correlation": None if flat else float(np.corrcoef(found.ravel(), truth.ravel())[0, 1]),
    }


def worst(each: dict[str, dict]) -> dict:
    """The worst layer of a row."""
    broken = [r for r in each.values() if "error" in r]
    if broken:
        return broken[0]
    return max(each.values(), key=lambda r: r["max_difference"])
