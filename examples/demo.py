"""The main job from end to end, without Slicer: `python3 dev.py demo`.

A volume and a segmentation are loaded into a real MRML scene, two networks are asked why they call the segment a
lesion, and the answers go back into the scene as colour-mapped overlay volumes, saved as a bundle 3D Slicer opens.
One network is honest (the ring around the body makes it a lesion), the other has learnt a shortcut (a marker
elsewhere).
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import stage  # first: it chooses offscreen OpenGL before VTK is loaded

# isort: split
import numpy as np
from demo_figure import Told, draw_honest_vs_shortcut
from demo_table import evidence_table, intervention_table, write_csv
from methods_figure import draw_methods_and_layers

from demo_training import measure
from seghirescam.demo import case
from seghirescam.evaluation.painting.painting_over import paint_over
from seghirescam.models import open_model
from seghirescam.models.demo_networks.preprocessing import LESION, LOOK_ALIKE
from seghirescam.session.explain import explain, predict
from SegHiResGradCAMLib import DisplaySettings, addOverlay, exportOverlay, hideFromForeground, readImage, readPixelSet
from stage.files import readSegmentation, readVolume
from stage.fourup import FourUp
from stage.scene import HeadlessScene
from stage.views import MISSING_GL, glWorks

MODELS = ("honest", "shortcut")
METHODS = ("seg_hires_grad_cam", "seg_grad_cam")
#: the encoder level at which the marker holds most of the shortcut network's evidence, and the last level, where the
#: decision has been taken
LAYERS = (measure.LAYER_OF_THE_PICTURES, "decoder.3")
MARGIN_MM = 2.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("demo_output"))
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    device = available(options.device)
    drawing = glWorks()
    if not drawing:
        print(f"No four_up.png: {MISSING_GL}. Everything else is written.")

    print("1. Loading the case into an MRML scene.")
    scene = HeadlessScene.instance()
    four_up = FourUp(scene) if drawing else None
    if four_up is None:
        scene.addSliceViews()
    volume = readVolume(scene.mrml, case.VOLUME_FILE, "T1 brain")
    segmentation = readSegmentation(scene.mrml, case.SEGMENTATION_FILE, "Bodies")
    image = readImage(volume)
    regions = {name.lower(): readPixelSet(segmentation, name, volume) for name in case.SEGMENTS}

    print("2. Asking both networks: why a lesion and not a look-alike?")
    maps, evidence, painted, overlays, told = {}, [], [], {}, []
    masked = paint_over(image, regions["marker"], MARGIN_MM)
    for name in MODELS:
        model = open_model(f"demo:{name}")
        question = {"class_index": LESION, "score": "contrast", "rival": LOOK_ALIKE, "device": device}
        # the early layer where it reads; the last one where it writes, since there only the drawing is left to do
        for layer, side in zip(LAYERS, ("reading", "writing"), strict=True):
            for found in explain(model, image, regions["lesion"], methods=METHODS, layers=layer, side=side, **question):
                maps[name, found.method, found.layer.name] = found
        pixels = predict(model, image, LESION)
        rows = [row for row, _ in measure.evidence(model, image, regions, pixels, device=device)]
        evidence += rows
        (there,) = [r for r in rows if (r.layer, r.method, r.score) == (LAYERS[0], METHODS[0], "contrast")]
        found = maps[name, METHODS[0], LAYERS[0]]
        lesions = [_voxels(pixels, image), _voxels(predict(model, masked, LESION), image)]
        told.append(Told(name, found, *lesions, there.lesion, there.marker))
        painted += measure.interventions(model, image, regions, pixels)
        overlays[name] = addOverlay(
            scene.mrml,
            maps[name, "seg_hires_grad_cam", LAYERS[0]],
            volume,
            segmentation,
            settings=DisplaySettings(share=0.8, foreground=name == "shortcut"),
            segmentId="Lesion",
        )
        overlays[name].SetName(f"{overlays[name].GetName()} ({name})")

    print("3. Writing the scene, the maps, the pictures and the numbers.")
    for name, node in overlays.items():
        exportOverlay(node, options.out / f"overlay_{name}.nrrd")
    segmentation.GetDisplayNode().SetVisibility2DFill(False)  # outlines: a filled segment would hide the map
    scene.writeMrb(options.out / "explanation.mrb")
    if four_up is not None:
        cut = regions["lesion"].grid.ras(_centre(regions["lesion"].weights))  # the marker lies straight in front
        title = "Why a lesion? The shortcut network, Seg-HiRes-Grad CAM at encoder.1, cells of 8 mm"
        look = {"size": (1100, 800), "title": title}  # legible where a page shows it 700 pixels wide
        four_up.save(options.out / "four_up.png", cut, volume, overlays["shortcut"], segmentation, **look)
    hideFromForeground(overlays["shortcut"])
    draw_honest_vs_shortcut(options.out / "honest_vs_shortcut.png", image, masked, regions, told, measure.DILATION_MM)
    draw_methods_and_layers(options.out / "methods_and_layers.png", image, regions, maps, MODELS, METHODS, LAYERS)
    write_csv(options.out / "evidence.csv", evidence)
    write_csv(options.out / "interventions.csv", painted)
    print(evidence_table(evidence, painted))
    print(intervention_table(painted))
    print(f"\nDone in {time.monotonic() - started:.0f} s. Look into {options.out}/:")
    for path in sorted(options.out.iterdir()):
        print(f"  {path.name}")
    return 0


def available(wanted: str) -> str:
    """The wanted device, or the CPU with a word about it."""
    import torch

    if wanted == "cuda" and not torch.cuda.is_available():
        print("No CUDA device is available: the demo goes on with the CPU.")
        return "cpu"
    name = torch.cuda.get_device_name() if wanted == "cuda" else "CPU"
    print(f"PyTorch {torch.__version__} on {name}.")
    return wanted


def _voxels(pixels, image):
    return pixels.on(image.grid).weights >= 0.5


def _centre(weights):
    return np.argwhere(weights > 0).mean(axis=0)


if __name__ == "__main__":
    assert stage
    sys.exit(main())
