"""Make the shipped case: ``python Testing/demo_training make_case --out DIR``. Needs nilearn and SimpleITK.

The first of CASE_SEEDS with ring and marker in which both committed models call the body a lesion.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from seghirescam.demo.case import COLOURS, SEGMENTS
from seghirescam.protocol.pixel_set import PixelSet

from .synthesis import CASE_SEEDS, Case, make_case


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python Testing/demo_training make_case", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    case = first_that_both_call_a_lesion()
    write(case, options.out)
    print(f"seed {case.seed}: {options.out / 'case.nrrd'}, {options.out / 'case.seg.nrrd'}")


def first_that_both_call_a_lesion() -> Case:
    from seghirescam.cam.logits.score import Contrast
    from seghirescam.evaluation.painting.intervention import outcome
    from seghirescam.models.demo_networks.demo_model import KIND
    from seghirescam.models.demo_networks.preprocessing import LESION, LOOK_ALIKE

    models = [KIND.open(f"demo:{name}") for name in ("honest", "shortcut")]
    for seed in CASE_SEEDS:
        case = make_case(seed, ring=True, marker=True)
        body = case.region("lesion")
        if all(outcome(model, case.image, body, Contrast(LESION, LOOK_ALIKE)).score > 0 for model in models):
            return case
    raise SystemExit("No seed gives a case that both models call a lesion.")


def write(case: Case, folder: Path) -> None:
    """case.nrrd (int16) and case.seg.nrrd (a Slicer segmentation, one layer), both gzip-compressed."""
    import SimpleITK as sitk

    grid = case.image.grid
    volume = _as_itk(np.rint(case.image.array[0]).astype(np.int16), grid)
    sitk.WriteImage(volume, str(folder / "case.nrrd"), useCompression=True)

    labels = np.zeros(grid.shape, np.uint8)
    regions: dict[str, PixelSet] = {name: case.region(name.lower()) for name in SEGMENTS}
    for value, region in enumerate(regions.values(), start=1):
        labels[region.weights > 0] = value
    segmentation = _as_itk(labels, grid)
    size = " ".join(f"0 {n - 1}" for n in grid.shape[::-1])
    fields = {
        "Segmentation_MasterRepresentation": "Binary labelmap",
        "Segmentation_ContainedRepresentationNames": "Binary labelmap|",
        "Segmentation_ReferenceImageExtentOffset": "0 0 0",
    }
    for index, name in enumerate(SEGMENTS):
        fields |= {
            f"Segment{index}_ID": name,
            f"Segment{index}_Name": name,
            f"Segment{index}_Color": " ".join(map(str, COLOURS[name])),
            f"Segment{index}_LabelValue": str(index + 1),
            f"Segment{index}_Layer": "0",
            f"Segment{index}_Extent": size,
            f"Segment{index}_Tags": "|",
        }
    for key, value in fields.items():
        segmentation.SetMetaData(key, value)
    sitk.WriteImage(segmentation, str(folder / "case.seg.nrrd"), useCompression=True)


def _as_itk(array, grid):
    import SimpleITK as sitk

    to_lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ grid.ijk_to_ras
    spacing = np.linalg.norm(to_lps[:3, :3], axis=0)
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(to_lps[:3, 3].tolist())
    image.SetDirection((to_lps[:3, :3] / spacing).ravel().tolist())
    return image
