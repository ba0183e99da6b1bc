"""A CT and an nnU-Net, end to end without Slicer: ``python examples/explain_ct.py toy_nnunet/Dataset901_OneAbdomen``.

The model predicts; its prediction becomes a segmentation with its class names; one organ is explained; the maps go
back into the scene as colour-mapped overlays, saved as a bundle that 3D Slicer opens.  The model is a trained-model
folder, for example the one that examples/train_small_nnunet.py makes; the CT is the one of CONTRIBUTING.md in
$SEGHIRESCAM_TEST_DATA unless you give another.  Run it in the environment of ``python3 dev.py test``.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "SegHiResGradCAM"), str(ROOT / "Testing")]

# ruff: noqa: E402
import stage  # first: it chooses offscreen OpenGL before VTK is loaded

# isort: split
import numpy as np

from seghirescam import open_model
from seghirescam.cam.logits.heads import SIGMOID
from seghirescam.cli.console import Console
from seghirescam.evaluation.metrics.ground import Ground
from seghirescam.io.label_maps import read_labels
from seghirescam.protocol.errors import PixelSetError, SegHiResCamError
from seghirescam.protocol.recipes import Component, View
from seghirescam.session.opening import open_session
from SegHiResGradCAMLib import DisplaySettings, addOverlay, exportOverlay, readImage, readPixelSet
from stage.files import readVolume, segmentationFromLabels
from stage.fourup import FourUp
from stage.scene import HeadlessScene
from stage.views import MISSING_GL, glWorks

CT = "ct_abdomen.nii.gz"
#: of the first segments: apart from each other, and from the map's colours
COLOURS = ((0.3, 0.8, 1.0), (0.5, 1.0, 0.5), (0.7, 0.6, 1.0), (0.4, 0.9, 0.8))
#: voxels: an encoder level of this stride is fine enough to point, and lies before the decision (see the demo)
POINTING = 4


def main() -> int:
    options, console = arguments(), Console(sys.stdout, sys.stderr)
    started = time.monotonic()

    print("1. Opening the model and loading the CT into an MRML scene.", flush=True)
    model = open_model(options.model)
    wanted = model.class_index(options.organ)  # a misspelt name is refused here, before anything runs
    if model.head == SIGMOID or wanted == 0:
        raise SystemExit("This example explains one of several classes that exclude one another, not the background.")
    options.out.mkdir(parents=True, exist_ok=True)
    scene = HeadlessScene.instance()
    four_up = FourUp(scene) if glWorks() else None
    if four_up is None:
        print(f"   No four_up.png: {MISSING_GL}. Everything else is written.")
        scene.addSliceViews()
    volume = readVolume(scene.mrml, options.ct, "CT")
    volume.GetDisplayNode().AutoWindowLevelOff()
    volume.GetDisplayNode().SetWindowLevel(400, 40)  # Hounsfield units, soft tissue
    image = readImage(volume)
    # keep=False: the two questions below share no layer, so keeping their passes would cost memory for nothing
    session = open_session(model, image, device=options.device, tolerance=options.tolerance, keep=False)

    print(f"2. Predicting with {model.name}.", flush=True)
    logits = session.logits(console.progress)
    console.end_progress()
    labels = model.labels_on_input(logits, session.prepared(), image)
    names = {info.index: info.name for info in model.classes if info.index}
    segmentation = segmentationFromLabels(scene.mrml, labels, volume, names)
    segmentation.SetName("Prediction")
    for name, colour in zip(names.values(), COLOURS, strict=False):
        segmentation.GetSegmentation().GetSegment(name).SetColor(*colour)
    predicting = time.monotonic() - started
    print_dice(labels, names, options.labels)

    organ = names[wanted]
    print(f"3. Asking: why {organ}?", flush=True)
    drawn = readPixelSet(segmentation, organ, volume)
    # a small network also finds bits of liver elsewhere; the question is about the organ
    pixels = Component(drawn).resolve(View(drawn.grid, drawn.grid.shape, wanted, organ))
    asked = time.monotonic()
    maps = session.ask(pixels, class_index=wanted, progress=console.progress)  # the default layer for M's size
    console.end_progress()
    more = options.layers or finer_than(maps[0].layer, session.layers())
    more = [name for name in more if name != maps[0].layer.name]
    maps += session.ask(pixels, class_index=wanted, layers=more, progress=console.progress) if more else []
    console.end_progress()
    asking = time.monotonic() - asked

    print("4. Writing the overlays, the scene and the picture.\n", flush=True)
    for found in maps:
        look = DisplaySettings(foreground=found is maps[-1])  # the last, finest map is shown in the slice views
        node = addOverlay(scene.mrml, found, volume, segmentation, settings=look, segmentId=organ)
        exportOverlay(node, options.out / f"overlay_{found.layer.name}.nrrd")
    segmentation.GetDisplayNode().SetVisibility2DFill(False)  # outlines: a filled segment would hide the map
    scene.writeMrb(options.out / "explanation.mrb")
    if four_up is not None:
        middle = pixels.grid.ras(np.argwhere(pixels.weights > 0).mean(axis=0))
        title = f"Why {organ}? {found.method_title}, {found.layer.name} ({_cell(found.layer)} mm cells)"
        four_up.save(options.out / "four_up.png", middle, volume, node, segmentation, title=title)

    print_evidence(maps, pixels, image)
    print(f"Predicting took {predicting:.0f} s, asking {asking:.0f} s, everything {time.monotonic() - started:.0f} s.")
    print(f"{peak_memory()}Look into {options.out}/: {', '.join(sorted(p.name for p in options.out.iterdir()))}")
    return 0


def arguments():
    data = Path(os.environ.get("SEGHIRESCAM_TEST_DATA", ""))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="trained-model folder of nnU-Net v2, or the DatasetNNN_* folder it lies in")
    parser.add_argument("--ct", type=Path, default=data / CT, help="default: the one in $SEGHIRESCAM_TEST_DATA")
    parser.add_argument("--labels", type=Path, help="the truth, for the Dice (default: beside the CT, X_labels.nii.gz)")
    parser.add_argument("--organ", default="liver", help="a class of the model")
    parser.add_argument("--layers", nargs="+", help="besides the default layer; the last one is shown (default: finer)")
    parser.add_argument(
        "--tolerance", type=float, default=0.01, help="share of the organ that windows may be left out for; 0: none"
    )
    parser.add_argument("--out", type=Path, default=Path("explain_ct_output"))
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    options = parser.parse_args()
    if not options.ct.is_file():
        parser.error(f"There is no {options.ct.name}: set SEGHIRESCAM_TEST_DATA to its folder, or give --ct FILE.")
    beside = options.ct.with_name(options.ct.name.replace(".nii", "_labels.nii"))
    if options.labels is None and beside != options.ct and beside.is_file():
        options.labels = beside
    return options


def finer_than(default, layers):
    """The encoder level that points, as a list; if that is not finer than the default layer, the level before it."""
    stride = min(POINTING, max(default.stride) - 1)
    finer = [info.name for info in layers if info.main and info.part == "encoder" and max(info.stride) <= stride]
    return finer[-1:]


def print_dice(labels, names, file):
    """How well the prediction fits the truth, by the classes' names."""
    if file is None:
        return
    truth = read_labels(file)
    for value, name in names.items():
        try:
            true = truth.pixel_set(name).weights > 0
        except PixelSetError:
            continue  # the truth knows no such organ
        found = labels == value
        dice = 2 * np.count_nonzero(found & true) / (np.count_nonzero(found) + np.count_nonzero(true))
        print(f"   {name:<14}{found.sum():>8} voxels, Dice {dice:.3f}")


def print_evidence(maps, pixels, image):
    ground = Ground.of(image)
    print(f"{'layer':<22}{'mm per cell':<18}{'windows run':<14}{'evidence inside':<18}by chance over {ground.over}")
    inside = pixels.weights > 0
    for found in maps:
        windows = found.provenance["windows"]
        held = ground.share(found.resampled_to(image.grid).array, inside)
        percent = 100 * (held.value or 0)
        print(
            f"{found.layer.name:<22}{_cell(found.layer):<18}"
            f"{windows['run']} of {windows['of']:<8}{percent:>8.1f} %         {100 * held.chance:.1f} %"
        )
        for note in found.notes:
            print(f"   {note}")


def _cell(layer):
    return " x ".join(f"{mm:.3g}" for mm in layer.mm_per_cell)


def peak_memory() -> str:
    """Of this process so far, in words; nothing where the system has no /proc.

    Not getrusage: its ru_maxrss starts at the peak of the process that started this one.
    """
    status = Path("/proc/self/status")
    if not status.exists():
        return ""
    (peak,) = (line.split()[1] for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM:"))
    return f"Peak memory of the process: {int(peak) / 2**10:.0f} MiB.\n"


if __name__ == "__main__":
    assert stage
    try:
        sys.exit(main())
    except SegHiResCamError as error:
        sys.exit(f"{error.sentence} {error.hint}")
