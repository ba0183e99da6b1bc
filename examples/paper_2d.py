"""The paper's own setting in two dimensions: ``python examples/paper_2d.py --out paper_2d``. About four minutes.

Trains a vanilla 2D U-Net on slices of the demo's brains (or takes the weights it trained before), and draws, for one
slice of the demo's case, the counterparts of the figures of Rheude et al., MELBA 2024:023:

    levels.png/.pdf       levels of encoder and decoder x Seg-Grad-CAM, Seg-HiRes-Grad CAM, Seg-XRes-CAM
    pixel_sets.png/.pdf   the pixel sets of its appendix: whole image, predicted class, component, box, one voxel
    volume.png            the same network through the whole volume slice by slice, the map in the volume's place

Needs nilearn (for training), SimpleITK and matplotlib.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / part) for part in ("SegHiResGradCAM", "Testing", "examples")]

from pixel_set_sheet import draw_pixel_sets  # noqa: E402
from unet_2d import DIVISOR, UNet2D, train  # noqa: E402

from seghirescam.comparison.bibliography import bibliography  # noqa: E402
from seghirescam.comparison.compare import compare  # noqa: E402
from seghirescam.demo.case import load_case  # noqa: E402
from seghirescam.figures.contact_sheet import SheetLook, draw_sheet  # noqa: E402
from seghirescam.figures.map_figure import Row, draw  # noqa: E402
from seghirescam.figures.style import save  # noqa: E402
from seghirescam.models.demo_networks.preprocessing import CLASSES, LESION, normalised  # noqa: E402
from seghirescam.models.plain import PlainModel  # noqa: E402
from seghirescam.models.slice_by_slice import by_slices  # noqa: E402
from seghirescam.protocol.image import Image  # noqa: E402
from seghirescam.protocol.recipes import Box, Component, PredictedClass, Voxel, WholeImage  # noqa: E402
from seghirescam.session.explain import explain  # noqa: E402

METHODS = ("seg_grad_cam", "seg_hires_grad_cam", "seg_xres_cam")
LEVELS = (*(f"encoder.{n}" for n in range(5)), *(f"decoder.{n}" for n in range(4)))
WEIGHTS, ABOUT = "unet_2d.safetensors", "unet_2d.json"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("paper_2d"), help="folder for weights and figures")
    parser.add_argument("--cases", type=int, default=60, help="brains to train on")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--level", default="decoder.1", choices=LEVELS, help="of the figure of pixel sets")
    parser.add_argument("--again", action="store_true", help="train again, even if weights are there")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    model = PlainModel(
        network(options),
        CLASSES,
        channels=("T1",),
        spatial_dims=2,
        divisor=DIVISOR,
        normalise=normalised,
        name="2D U-Net",
    )
    volume, segments = load_case()
    k = int(np.median(np.argwhere(segments["Lesion"].weights > 0)[:, 0]))
    image = Image(volume.array[:, k : k + 1], volume.grid.strided((1, 1, 1), (k, 0, 0), (1, *volume.grid.shape[1:])))

    found = compare(model, image, class_index=LESION, methods=list(METHODS), layers=list(LEVELS))
    figure, caption = draw_sheet(found, image, SheetLook())
    keep(figure, options.out / "levels")
    print("\nlevels:", caption)

    sets = pixel_sets(found, image)
    rows = [
        explain(model, image, list(sets.values()), class_index=LESION, methods=m, layers=options.level) for m in METHODS
    ]
    figure, caption = draw_pixel_sets(image, sets, rows, found.mask[0])
    keep(figure, options.out / "pixel_sets")
    print("\npixel_sets:", caption)

    whole = by_slices(model, volume)
    pixels = segments["Lesion"]
    (answer,) = explain(whole, volume, pixels, class_index=LESION, layers="encoder.1")
    row = Row(
        answer.resampled_to(volume.grid).array, pixels.weights > 0, "A 2D network through a volume, slice by slice",
        f"{answer.title()}, summed over {pixels.label}: {answer.provenance['windows']['run']} of "
        f"{volume.grid.shape[0]} slices meet it", f"{answer.unit}/ml", answer.reason,
    )  # fmt: skip
    save(draw(volume, [row]), options.out / "volume.png")
    (options.out / "bibliography.bib").write_text(bibliography(found.methods), encoding="utf-8")
    print(f"\nWritten to {options.out.name}/: " + ", ".join(sorted(p.name for p in options.out.iterdir())))
    return 0


def network(options) -> UNet2D:
    """Trained now, or before."""
    weights, about = options.out / WEIGHTS, options.out / ABOUT
    made = UNet2D()
    if weights.exists() and not options.again:
        made.load_state_dict(load_file(weights))
        known = about.read_text(encoding="utf-8").strip() if about.exists() else weights.name
        print(f"Weights of an earlier run: {known}")
        return made.eval()
    made, told = train(options.cases, options.steps)
    save_file(made.state_dict(), weights)
    about.write_text(json.dumps(told) + "\n", encoding="utf-8")
    print(f"Dice on slices of brains it has not seen: {told['dice']}")
    return made


def pixel_sets(found, image) -> dict:
    """The paper's forms of M by name; places come from the prediction."""
    middle = image.grid.ras(np.argwhere(found.mask).mean(axis=0))
    half = np.array([9.0, 9.0, 4.0])
    return {
        "whole image": WholeImage(),
        "predicted class": PredictedClass(),
        "one component": Component(PredictedClass()),
        "box": Box.between(middle - half, middle + half),
        "one voxel": Voxel(tuple(middle)),
    }


def keep(figure, stem) -> None:
    for suffix in (".png", ".pdf"):
        save(figure, stem.with_suffix(suffix), 200)


if __name__ == "__main__":
    torch.set_num_threads(1)  # the images are small: a second thread waits more than it works
    sys.exit(main())
