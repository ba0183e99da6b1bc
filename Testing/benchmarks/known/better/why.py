"""Why Seg-HiRes-Grad CAM confuses some networks: what its cells hold for and against, network by network.

``python Testing/benchmarks/known/better/why.py --models FOLDER``: the twenty networks, exploring cases (seeds 3000 to
3003), half a CPU minute.  Writes better_why.csv, a row a network, case and layer (COLUMNS), and prints means.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[3]
sys.path[:0] = [str(ROOT / "Testing"), str(ROOT / "SegHiResGradCAM")]

SEEDS = tuple(range(3000, 3004))
LAYERS = ("encoder.1", "encoder.2", "encoder.3")
#: score: S.  sum_for, sum_against: the cells' positive and negative values added up.  balance: sum L / sum |L|.
#: balance_from_mean: the same where activations count from the layer's mean.  left_after_channels: sum |L| over
#: sum_k |g_k A_k|, 1 where no channel contradicts another.  share_*: of the evidence for (against) on marker and lesion
#: (grown by 2 mm).  top_mm_*: how far the cell with the most evidence for lies from their centres, mm.
COLUMNS = (
    "model", "rule", "seed", "layer", "voxels", "score", "sum_for", "sum_against", "balance", "balance_from_mean",
    "left_after_channels", "share_marker", "share_marker_against", "share_lesion", "share_lesion_against",
    "top_mm_marker", "top_mm_lesion",
)  # fmt: skip


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=Path, default=ROOT / ".bench" / "known" / "models", help="the twenty networks")
    parser.add_argument("--out", type=Path, default=ROOT / "Testing" / "benchmarks" / "results" / "known")
    options = parser.parse_args(arguments)
    import torch
    from benchmarks.known import store, trained
    from benchmarks.known.entry import frozen

    torch.set_num_threads(1)
    found = []
    for name in frozen.networks(options.models):
        model = trained.load(options.models, name)
        for seed in SEEDS:
            found += [{"model": str(name), "rule": name.rule, "seed": seed} | row for row in of_case(model, seed)]
    store.write(options.out / "better_why.csv", found, COLUMNS)
    print(means(found, "encoder.2"))
    return 0


def of_case(model, seed: int) -> list[dict]:
    """A row a layer of one phantom with ring and marker."""
    from benchmarks.known import cheat
    from benchmarks.known.phantom import GRID, make_case
    from seghirescam.evaluation.metrics.shares import dilated
    from seghirescam.models.demo_networks.preprocessing import LESION, LOOK_ALIKE
    from seghirescam.session.explain import predict

    case = make_case(seed, ring=True, marker=True)
    pixels = predict(model, case.image, LESION)
    marker, lesion = (dilated(case.region(one).weights > 0, GRID, cheat.TAU_MM) for one in ("marker", "lesion"))
    words = {"class_index": LESION, "score": "contrast", "rival": LOOK_ALIKE}
    rows = []
    for layer, (hires, channels, from_mean) in parts(model, case.image, pixels, LAYERS, words).items():
        density = hires.resampled_to(GRID).array
        top = hires.grid.ijk_to_ras @ [*np.unravel_index(hires.map.argmax(), hires.map.shape)[::-1], 1]
        rows.append({
            "layer": layer, "voxels": int((pixels.weights > 0).sum()), "score": hires.score,
            **balance(hires.map, channels.map), "balance_from_mean": _balance(from_mean.map),
            **_shares(density, {"marker": marker, "lesion": lesion}),
            "top_mm_marker": float(np.linalg.norm(top[:3] - case.marker_centre)),
            "top_mm_lesion": float(np.linalg.norm(top[:3] - case.body_centre)),
        })  # fmt: skip
    return rows


def parts(model, image, pixels, layers, words) -> dict[str, tuple]:
    """{layer: explanations of L, of sum_k |g_k A_k|, of L from the layer's mean}"""
    from benchmarks.known.better.candidates import ChannelMagnitudes, FromTheMean
    from seghirescam.cam.methods.hires import SegHiResGradCam
    from seghirescam.session.opening import open_session

    session = open_session(model, image)
    try:
        methods = [SegHiResGradCam(), ChannelMagnitudes(), FromTheMean()]
        found = session.ask(pixels, methods=methods, layers=list(layers), **words)
    finally:
        session.release()
    return {found[at].layer.name: tuple(found[at : at + 3]) for at in range(0, len(found), 3)}


def balance(cells: np.ndarray, channels: np.ndarray) -> dict[str, float]:
    """What the cells add up to, for and against, and how much of the channels' contributions is left in them."""
    cells = cells.astype(np.float64)
    return {
        "sum_for": float(np.maximum(cells, 0).sum()),
        "sum_against": float(np.minimum(cells, 0).sum()),
        "balance": _balance(cells),
        "left_after_channels": float(np.abs(cells).sum() / channels.sum(dtype=np.float64)),
    }


def means(found: list[dict], layer: str) -> str:
    """A line a network, sorted by balance."""
    names = ("balance", "balance_from_mean", "left_after_channels", "share_marker", "share_lesion")
    groups: dict[str, list[dict]] = {}
    for row in found:
        if row["layer"] == layer:
            groups.setdefault(row["model"], []).append(row)
    numbers = {model: [float(np.mean([row[name] for row in rows])) for name in names] for model, rows in groups.items()}
    lines = [f"{layer:12}" + "".join(f"{name:>22}" for name in names)]
    for model, values in sorted(numbers.items(), key=lambda one: one[1][0]):
        lines.append(f"{model:12}" + "".join(f"{value:22.4f}" for value in values))
    return "\n".join(lines)


def _balance(cells) -> float:
    cells = cells.astype(np.float64)
    return float(cells.sum() / np.abs(cells).sum())


def _shares(density, regions):
    """share_<region> of the evidence for, share_<region>_against of that against; None where there is none."""
    from seghirescam.evaluation.metrics.location import share_in

    return {
        f"share_{name}{word}": share_in(sign * density, mask).value
        for name, mask in regions.items()
        for word, sign in (("", 1), ("_against", -1))
    }


if __name__ == "__main__":
    raise SystemExit(main())
