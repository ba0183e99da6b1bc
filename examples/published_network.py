"""A network that others published, explained: ``python examples/published_network.py``. About a minute on a CPU.

deepbet (MIT) draws the brain on an MR of the head.  It is asked why it draws the left half of the MNI template's
brain, and then the right half is taken away: does it need what the map shows?  The network comes with the package
deepbet, the template with the package nilearn; neither is installed here, and nothing is downloaded.  deepbet's own
code prepares the image.  Writes published_network.png and published_network.nii.gz, the map on the layer's cells.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "SegHiResGradCAM"), str(ROOT / "Testing"), str(ROOT / "examples")]

#: what is imported -> what pip calls it
NEEDED = {
    "deepbet": "deepbet==1.0.2", "nilearn": "nilearn", "nibabel": "nibabel", "matplotlib": "matplotlib",
    "scipy": "scipy", "SimpleITK": "SimpleITK",
}  # fmt: skip
LAYERS = {"early": "init#1", "middle": "down1#3"}
#: mm at the midline that belong to neither half
MIDDLE_MM = 2.0


def missing() -> str:
    """One sentence with the pip line, or nothing."""
    absent = [pip for name, pip in NEEDED.items() if importlib.util.find_spec(name) is None]
    if not absent:
        return ""
    names = ", ".join(pip.partition("=")[0] for pip in absent)
    return f"This example needs {names}. Type: python -m pip install {' '.join(absent)}"


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("published_network"), help="folder for what is written")
    options = parser.parse_args(arguments)
    if sentence := missing():
        raise SystemExit(sentence)
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        explain(options.out, Path(folder))
    return 0


def explain(out: Path, folder: Path) -> None:
    import numpy as np
    from nilearn.datasets import load_mni152_template
    from published_figure import Told, draw

    import seghirescam
    from benchmarks.published.deepbet_box import fed, opened
    from seghirescam.cam.logits.score import ClassLogit
    from seghirescam.evaluation.metrics.shares import chance, share
    from seghirescam.evaluation.painting.rerun import Rerun

    print("1. deepbet's own code prepares the template; its network draws the brain.", flush=True)
    bet, model = opened(folder)
    image, brain = fed(bet, load_mni152_template(resolution=1))
    grid, array = image.grid, image.array
    # deepbet turns every head to RAS: an index along I is a place from left to right
    places = np.zeros((grid.shape[2], 3))
    places[:, 2] = np.arange(grid.shape[2])
    to_the_right = np.broadcast_to(grid.ras(places)[:, 0], grid.shape)
    left = seghirescam.PixelSet(brain & (to_the_right < -MIDDLE_MM), grid, "left half of the brain")
    right = to_the_right > MIDDLE_MM

    print("2. Why is the left half brain?", flush=True)
    found = seghirescam.explain(model, image, left, target="brain", layers=list(LAYERS.values()))
    densities = [one.resampled_to(grid).array for one in found]
    shares = [share(density, right) for density in densities]

    print("3. Without the right half.\n", flush=True)
    without = seghirescam.Image(np.where(right, array.min(), array), grid)
    score, index = ClassLogit(model.class_index("brain")), model.class_index("brain")
    before, after = (Rerun(model).see(one) for one in (image, without))
    scores = [seen.mean_score(left, score) for seen in (before, after)]
    drawn = after.predicted(index)
    kept = np.count_nonzero(drawn & (left.weights > 0)) / np.count_nonzero(left.weights)
    told = Told(image, without, left, right, drawn, scores, kept, found, densities, shares)

    found[-1].save(out / "published_network.nii.gz", grid="layer", overwrite=True)
    draw(out / "published_network.png", told)
    for one, held in zip(found, shares, strict=True):
        print(f"{one.layer.name}: {held:.0%} of the evidence for the left half lies in the right half "
              f"(by chance {chance(right):.0%}).")  # fmt: skip
        print(f"   The map adds up to {one.total:.3g} logit, the score is {one.score:.3g}.")
    print(f"Taking the right half away moves the left half's mean logit from {scores[0]:.2f} to {scores[1]:.2f}; "
          f"{kept:.1%} of it is still drawn.")  # fmt: skip
    print(f"Look into {out}/: {', '.join(sorted(path.name for path in out.iterdir()))}")


if __name__ == "__main__":
    sys.exit(main())
