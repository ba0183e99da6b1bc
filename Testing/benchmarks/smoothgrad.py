"""Does noise averaging make maps of brain MR more accurate? `python Testing/benchmarks/smoothgrad.py [--minutes 30]`.

A published MeshNet (meshnet_gwm20: background, white, grey; neuroneural/brainchop, MIT) on cubes of 40 mm cut at seeded
places from a real T1 head; both from SEGHIRESCAM_TEST_DATA.  Three maps: saliency, input x gradient, Seg-HiRes-Grad CAM
at layer 3 (the second activation, whose voxels see 3 mm around them); each plain, SmoothGrad, SmoothGrad-squared and
VarGrad of the same 12 copies with the product's 10 % noise.  Sizes and numbers of
copies were made smaller twice, for time, after two places had been seen with two copies; the run with 2 % noise was
added after the first results.

bead: a bright or dark bead (radius 2 voxels) is put where it makes the network change its mind about M, voxels that lie
at least 2 voxels away from it: with the bead they are class A, without it class B, so that the bead is why.  The map
of contrast (A against B) over M should lie on the bead, grown by 1 voxel.  share: of its positive evidence there.
hottest: of as many of the hottest voxels as the grown bead has, the share that lie in it.  Chance: the grown bead's
share of the cube.
gain: what the map says about the unchanged cube: M is what is predicted within 4 voxels of its centre, contrast with
the other tissue; blocks of 8 mm beside M are blurred in the map's order, the area under the mean contrast is set
against five random orders (positive: the map's order is better), in logits.

Three maps a pass by a loop of its own; every plain map is checked against the product's, VarGrad at the first place.
Resumable: a line a place in results/smoothgrad/places.jsonl; --table writes results/smoothgrad/table.md and .json.
About 40 CPU seconds a place.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).parent / "results" / "smoothgrad"
NETWORK, SIZE, PLACES, SEED = "meshnet_gwm20", 40, 24, 20261129
LAYER, METHODS = "3", ("saliency", "input_x_gradient", "seg_hires_grad_cam")
KINDS = ("plain", "smoothgrad", "smoothgrad_squared", "vargrad")
TITLES = ("Saliency", "Input x gradient", "Seg-HiRes-Grad CAM")
KIND_TITLES = ("plain", "SmoothGrad", "SmoothGrad-squared", "VarGrad")
COPIES, SIGMA, WEAKER = 12, 0.1, 0.02
RADIUS, AWAY, GROWN, LEAST, TRIES = 2, 2, 1, 20, 8
FRACTIONS, ORDERS = (0.1, 0.2, 0.5), 5
NUMBERS, WEAK = ("share", "hottest", "gain"), "weaker.jsonl"


def main(arguments=None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=math.inf, help="begin no place after so long")
    parser.add_argument("--weaker", action="store_true", help=f"the beads again with {100 * WEAKER:g} %% noise")
    parser.add_argument("--table", action="store_true", help="only write the tables")
    options = parser.parse_args(arguments)
    sys.path[:0] = [str(ROOT / "Testing"), str(ROOT / "SegHiResGradCAM"), str(Path(__file__).parent)]
    RESULTS.mkdir(parents=True, exist_ok=True)
    if options.weaker:
        measure_weaker(options.minutes)
    elif not options.table:
        measure(options.minutes)
    write_tables()


def lines(name="places.jsonl") -> list[dict]:
    file = RESULTS / name
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def measure(minutes: float) -> None:
    import torch

    torch.set_num_threads(1)
    started, there = time.time(), {row["place"] for row in lines()}
    head = Head()
    for number in range(PLACES):
        if number in there or time.time() - started > 60 * minutes:
            continue
        row = {"place": number, **one_place(head, number)}
        with open(RESULTS / "places.jsonl", "a", encoding="utf-8") as out:
            out.write(json.dumps(row) + "\n")
        print(number, row["corner"], row["bead"] and {k: round(v, 3) for k, v in row["bead"]["share"].items()})


def measure_weaker(minutes: float) -> None:
    import numpy as np
    import torch

    torch.set_num_threads(1)
    started, there, head = time.time(), {row["place"] for row in lines(WEAK)}, Head()
    for row in lines():
        if row["bead"] is None or row["place"] in there or time.time() - started > 60 * minutes:
            continue
        cube = head.cube(row["corner"])
        inside, planted = with_bead(cube, row["bead"]["centre"], row["bead"]["value"])
        a, b = row["bead"]["with"], row["bead"]["without"]
        mask = changed_by(head.labels(planted)[0], head.labels(cube)[0], a, b, inside)
        assert np.count_nonzero(mask) == row["bead"]["voxels"]
        numbers = bead_numbers(head, planted, mask, (a, b), inside, row["place"], WEAKER)
        with open(RESULTS / WEAK, "a", encoding="utf-8") as out:
            out.write(json.dumps({"place": row["place"], "sigma": WEAKER, **numbers}) + "\n")


class Head:
    """The network and the head it is asked about; the head's axes are x, y, z throughout, 1 mm."""

    def __init__(self):
        import nibabel
        import numpy as np
        from safetensors.torch import load_file
        from seghirescam.models.plain import PlainModel
        from torch import nn

        data = Path(os.environ["SEGHIRESCAM_TEST_DATA"])
        about = json.loads((data / "networks" / f"{NETWORK}.json").read_text())
        words = ("kernel", "dilation", "padding", "bias")
        self.network = nn.Sequential(*(
            nn.Conv3d(x["in"], x["out"], **{{"kernel": "kernel_size"}.get(w, w): x[w] for w in words})
            if x["kind"] == "conv3d" else {"relu": nn.ReLU, "elu": nn.ELU}[x["kind"]]()
            for x in about["layers"]
        ))  # fmt: skip
        self.network.load_state_dict(load_file(data / "networks" / f"{NETWORK}.safetensors"))
        self.network.eval()
        self.model = PlainModel(self.network, about["classes"], head="softmax", activation="none")
        whole = np.asarray(nibabel.load(data / "brain_t1.nii.gz").dataobj, dtype=np.float32)
        if about["input"]["intensity"] != "5th and 95th percentile to 0..1":
            raise SystemExit(f"{NETWORK} is fed otherwise: {about['input']['intensity']}")
        low, high = (np.float32(p) for p in np.percentile(whole, (5, 95)))
        self.whole = np.clip((whole - low) / (high - low), 0, 1)

    def cube(self, corner):
        import numpy as np

        return np.ascontiguousarray(self.whole[tuple(slice(c, c + SIZE) for c in corner)])

    def labels(self, cube):
        """(class of every voxel, logits) of a cube, by the plain network."""
        import torch

        with torch.no_grad():
            logits = self.network(torch.from_numpy(cube)[None, None])[0].numpy()
        return logits.argmax(0), logits


def one_place(head: Head, number: int) -> dict:
    """Cubes are drawn until both tissues are predicted in one, at its centre one of them."""
    import numpy as np

    draw, began = np.random.default_rng([SEED, number]), time.process_time()
    drawn = 0
    while True:
        drawn += 1
        corner = [int(draw.integers(40, 256 - 40 - SIZE)) for _ in range(3)]
        cube = head.cube(corner)
        if cube[(SIZE // 2,) * 3] < 0.25 or (cube > 0.25).mean() < 0.5:
            continue
        labels, _ = head.labels(cube)
        counts = np.bincount(labels.ravel(), minlength=3)
        if labels[(SIZE // 2,) * 3] > 0 and counts[1:].min() >= 0.05 * labels.size:
            break
    row = {"corner": corner, "cubes_drawn": drawn}
    row["gain"] = context_gain(head, cube, labels, number)
    row["bead"] = bead(head, cube, labels, draw, number)
    return row | {"cpu_seconds": round(time.process_time() - began, 1)}


def context_gain(head, cube, labels, number) -> dict:
    import numpy as np
    from seghirescam.cam.logits.score import Contrast
    from seghirescam.evaluation.deletion.gains import gain_over_random
    from seghirescam.evaluation.deletion.image_deletion import ImageProbe
    from seghirescam.evaluation.painting.rerun import Rerun

    middle = SIZE // 2
    index = int(labels[(middle,) * 3])
    mask = np.zeros(labels.shape, bool)
    mask[(slice(middle - 4, middle + 5),) * 3] = True
    mask &= labels == index
    score = Contrast(index, 3 - index)
    found, image, pixels, facts = maps(head, cube, mask, score, [SEED, number, 0], checked=number == 0)
    probe = ImageProbe(Rerun(head.model), image, pixels, score, body=cube > 0.05)
    gains = {}
    for key, density in found.items():
        gain = gain_over_random(probe, density, orders=ORDERS, fractions=FRACTIONS, seed=number).logit
        gains[key] = gain.value
    return {"class": index, "voxels": int(mask.sum()), "gain": gains, **facts}


def with_bead(cube, centre, value):
    """(bool of the bead, the cube with it), both ``[x, y, z]``."""
    import numpy as np

    away = sum((g - c) ** 2 for g, c in zip(np.ogrid[:SIZE, :SIZE, :SIZE], centre, strict=True))
    inside = away <= RADIUS**2
    return inside, np.where(inside, np.float32(value), cube)


def changed_by(with_it, without, a, b, inside):
    """M: what is class a with the bead and b without it, at least AWAY voxels from it."""
    from scipy.ndimage import binary_dilation

    return (with_it == a) & (without == b) & ~binary_dilation(inside, iterations=AWAY)


def bead(head, cube, labels, draw, number) -> dict | None:
    import numpy as np

    tissue = np.argwhere(labels > 0)
    tissue = tissue[((tissue >= 8) & (tissue < SIZE - 8)).all(axis=1)]
    best = None
    for centre in draw.permutation(tissue)[:TRIES]:
        for value in (1.0, 0.0):
            inside, planted = with_bead(cube, centre, value)
            with_it, _ = head.labels(planted)
            for a, b in ((a, b) for a in range(3) for b in range(3) if a != b):
                mask = changed_by(with_it, labels, a, b, inside)
                if mask.sum() >= LEAST and (best is None or mask.sum() > best[0].sum()):
                    best = mask, a, b, inside, planted, value, centre
    if best is None:
        return None
    mask, a, b, inside, planted, value, centre = best
    contrast = [float((logits[a] - logits[b])[mask].mean()) for _, logits in map(head.labels, (planted, cube))]
    return {
        "value": value, "centre": centre.tolist(), "with": a, "without": b, "voxels": int(mask.sum()),
        "contrast_with": contrast[0], "contrast_without": contrast[1],
        **bead_numbers(head, planted, mask, (a, b), inside, number),
    }  # fmt: skip


def bead_numbers(head, planted, mask, classes, inside, number, sigma=None) -> dict:
    import numpy as np
    from scipy.ndimage import binary_dilation
    from seghirescam.cam.logits.score import Contrast

    found, _, _, facts = maps(head, planted, mask, Contrast(*classes), [SEED, number, 1], sigma=sigma or SIGMA)
    truth, numbers = binary_dilation(inside, iterations=GROWN), {"share": {}, "hottest": {}}
    for key, density in found.items():
        evidence = np.maximum(density.astype(np.float64), 0)
        hot = np.argsort(-evidence, axis=None, kind="stable")[: truth.sum()]
        numbers["share"][key] = float(evidence[truth].sum() / evidence.sum()) if evidence.any() else 0.0
        numbers["hottest"][key] = float(truth.ravel()[hot].mean())
    return {"chance": float(truth.mean()), **numbers, **facts}


def maps(head, cube, mask, score, seed, checked=False, sigma=SIGMA):
    """({"method kind": density}, image, M, facts); plain maps are checked against the product's, VarGrad's if asked."""
    import numpy as np
    from seghirescam.protocol.grid import Grid
    from seghirescam.protocol.image import Image
    from seghirescam.protocol.pixel_set import PixelSet
    from seghirescam.session.noisy_copies import noisy
    from seghirescam.session.opening import open_session

    grid = Grid.from_spacing(cube.shape, (1.0, 1.0, 1.0))
    image, pixels = Image(cube[None], grid), PixelSet(mask, grid, "M")
    # the product's generator: a seed is one number there
    number = int(np.random.default_rng(seed).integers(2**31))
    session = open_session(head.model, image, seed=number)
    prepared = session.prepared()
    sigmas = [sigma * float(cube.max() - cube.min())]
    clean = three_maps(head.network, prepared.tensor, mask, score)
    sums = {name: np.zeros((2, *cube.shape)) for name in METHODS}
    for n in range(COPIES):
        for name, one in three_maps(head.network, noisy(prepared, sigmas, number, n), mask, score).items():
            sums[name] += np.stack([one, one.astype(np.float64) ** 2]) / COPIES
    found = {}
    for name in METHODS:
        mean, squared = sums[name]
        for kind, array in zip(KINDS, (clean[name], mean, squared, np.maximum(squared - mean**2, 0)), strict=True):
            found[f"{name} {kind}"] = array.astype(np.float32)
    words = {"class_index": score.class_index, "score": "contrast", "rival": score.rival_index, "layers": [LAYER]}
    words["methods"] = list(METHODS)
    worst = {"plain": agreement(session.ask(pixels, **words), found, "plain")}
    for kind in KINDS[3:] if checked else ():
        answers = session.ask(pixels, **words, noise=kind, noise_samples=COPIES, noise_sigma=sigma)
        worst[kind] = agreement(answers, found, kind)
    session.release()
    return found, image, pixels, {"differs_from_product": worst}


def agreement(answers, found, kind) -> float:
    """The largest difference from the product's maps, over their largest magnitude. Raises where it is large."""
    import numpy as np

    worst = 0.0
    for one in answers:
        own = found[f"{one.method} {kind}"]
        worst = max(worst, float(np.abs(one.map - own).max() / np.abs(one.map).max()))
    if worst > 1e-3:
        raise SystemExit(f"{kind}: the product's maps differ by {worst:.3g} of their largest value")
    return worst


def three_maps(network, tensor, mask, score) -> dict:
    """|dS/dx|, x dS/dx and sum_k A_k dS/dA_k of the sum of the contrast over M, float32 ``[x, y, z]``."""
    import torch

    image, kept = tensor.detach().clone().requires_grad_(), []
    handle = network[int(LAYER)].register_forward_hook(lambda module, given, out: kept.append(out))
    try:
        logits = network(image)[0]
    finally:
        handle.remove()
    total = (logits[score.class_index] - logits[score.rival_index])[torch.from_numpy(mask)].sum()
    at_image, at_layer = torch.autograd.grad(total, [image, kept[0]])
    image, layer = image.detach(), kept[0].detach()
    found = (at_image.abs()[0, 0], (image * at_image)[0, 0], (layer * at_layer)[0].sum(0))
    return {name: one.numpy() for name, one in zip(METHODS, found, strict=True)}


def values(rows, method, kind, number) -> list[float]:
    key = f"{method} {kind}"
    found = (row["gain"]["gain"][key] if number == "gain" else row["bead"] and row["bead"][number][key] for row in rows)
    return [v for v in found if v is not None]


def interval(numbers, resamples=4000):
    """Mean with a 95 % percentile bootstrap over places."""
    import numpy as np

    numbers = np.asarray(numbers, dtype=np.float64)
    draws = np.random.default_rng(0).integers(len(numbers), size=(resamples, len(numbers)))
    return [float(numbers.mean()), *(float(q) for q in np.quantile(numbers[draws].mean(axis=1), [0.025, 0.975]))]


def write_tables() -> None:
    from machine import describe

    rows = lines()
    told = {"places": len(rows), "beads": sum(row["bead"] is not None for row in rows), "rows": []}
    beads = [row["bead"] for row in rows if row["bead"]]
    told["chance"] = sum(one["chance"] for one in beads) / len(beads)
    told["m_voxels_median"] = sorted(one["voxels"] for one in beads)[len(beads) // 2]
    for method in METHODS:
        for kind in KINDS:
            row = {"method": method, "kind": kind}
            for number in NUMBERS:
                own, plain = values(rows, method, kind, number), values(rows, method, "plain", number)
                row[number] = interval(own)
                differences = [a - b for a, b in zip(own, plain, strict=True)]
                row[f"{number}_over_plain"] = None if kind == "plain" else interval(differences)
                row[f"{number}_better_at"] = sum(d > 0 for d in differences)
            told["rows"].append(row)
    old = RESULTS / "table.json"
    weak = [{"bead": row} for row in lines(WEAK)]
    told["weaker"] = [
        {"method": method, "kind": kind, **{n: interval(values(weak, method, kind, n)) for n in NUMBERS[:2]}}
        for method in METHODS for kind in KINDS if weak
    ]  # fmt: skip
    told["machine"] = json.loads(old.read_text())["machine"] if old.exists() else describe() | _versions()
    old.write_text(json.dumps(told, indent=1) + "\n")
    (RESULTS / "table.md").write_text("\n".join(_table(told)) + "\n")


def _versions():
    import numpy
    import torch

    return {"torch": torch.__version__, "numpy": numpy.__version__}


def _table(told):
    heads = (
        "map",
        "averaged",
        "on the bead",
        "over plain",
        "hottest on the bead",
        "over plain",
        "deletion gain, logit",
    )
    yield f"| {' | '.join([*heads, 'over plain'])} |"
    yield "|" + "---|" * (len(heads) + 1)
    for row in told["rows"]:
        cells = [
            dict(zip(METHODS, TITLES, strict=True))[row["method"]],
            dict(zip(KINDS, KIND_TITLES, strict=True))[row["kind"]],
        ]
        for number in NUMBERS:
            times, digits = (1, 2) if number == "gain" else (100, 1)
            for found in (row[number], row[f"{number}_over_plain"]):
                if found is None:
                    cells.append("-")
                    continue
                mean, low, high = (times * v for v in found)
                sign = "+" if found is not row[number] else ""
                unit = "" if number == "gain" else " %" if found is row[number] else ""
                cells.append(f"{mean:{sign}.{digits}f}{unit} [{low:.{digits}f}, {high:.{digits}f}]")
        yield f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
