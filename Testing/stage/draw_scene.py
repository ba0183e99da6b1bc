"""Child process of Testing/mrml/test_pictures.py: draws a ball of tissue with maps, saves the pictures as .npz."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "SegHiResGradCAM"))

import stage  # noqa: F401  before anything imports slicer

# isort: split
import numpy as np

from stage.fourup import FourUp, writePng
from stage.scene import HeadlessScene
from stage.views import OffscreenView

SIZE = (500, 400)
#: of the patient: in the names of the nodes and in DICOM's attribute, and in nothing that is drawn
NAME = "Zebra Quagga"


def main(path):
    scene = HeadlessScene.instance()
    views = FourUp(scene)
    from SegHiResGradCAMLib import DisplaySettings, addOverlay, removeOverlay
    from SegHiResGradCAMLib.scene.nodes.Geometry import gridOfVolume
    from SegHiResGradCAMLib.scene.overlay.VolumeRendering import hideFrom3D, showIn3D
    from stage.builders import addSegmentation, addVolume, blob, makeExplanation

    shape, matrix = (50, 60, 70), np.diag([2.0, 2.0, 2.0, 1.0])
    matrix[:3, 3] = -70, -60, -50
    volume = addVolume(np.zeros(shape, dtype=np.int16), matrix, NAME)
    volume.SetAttribute("DICOM.PatientName", NAME)
    grid = gridOfVolume(volume)
    tissue = blob(grid, (0, 0, 0), 1.0) > np.exp(-(45**2) / 2)
    noise = np.random.default_rng(0).normal(0, 10, shape)
    array = np.where(tissue, 120 + noise, 0).astype(np.int16)
    import slicer

    slicer.util.updateVolumeFromArray(volume, array)
    volume.CreateDefaultDisplayNodes()
    volume.GetDisplayNode().AutoWindowLevelOff()
    volume.GetDisplayNode().SetWindowLevelMinMax(0, 180)
    for logic in (view.logic for view in views.slices.values()):
        logic.GetSliceCompositeNode().SetBackgroundVolumeID(volume.GetID())

    here, there = np.array([20.0, 12.0, 4.0]), np.array([-20.0, -12.0, 4.0])
    cells = blob(grid, here, 6.0)
    segmentation = addSegmentation(volume, lesion=cells > 0.3)
    segmentation.SetName(f"{NAME} segments")
    segmentation.GetDisplayNode().SetVisibility(False)
    red, settings, out = views.slices["Red"], DisplaySettings(share=0.9, opacity=0.8, legend=False), {}

    def draw(explanation=None, look=settings):
        node = None if explanation is None else addOverlay(scene.mrml, explanation, volume, settings=look)
        picture = red.picture(SIZE, here, 140.0, (0, 0, 4.0))
        return picture, node

    out["plain"], _ = draw()
    out["overlay"], node = draw(makeExplanation(cells, grid))
    values, level = slicer.util.arrayFromVolume(node), node.GetDisplayNode().GetLowerThreshold()
    slab = values[round(grid.kji(here)[0])]
    pixels = 140.0 / SIZE[0]
    out["expected_share"] = (slab >= level).sum() * 4 / (pixels**2 * SIZE[0] * SIZE[1])
    # R points left and A up in an axial view
    out["expected_pixel"] = np.array([SIZE[1] / 2 - here[1] / pixels, SIZE[0] / 2 - here[0] / pixels])
    removeOverlay(node)
    out["legend"], node = draw(makeExplanation(cells, grid), DisplaySettings(share=0.9, opacity=0.8))
    removeOverlay(node)
    signed = makeExplanation(cells - blob(grid, there, 6.0), grid)
    out["signed"], node = draw(signed, DisplaySettings(share=0.9, opacity=0.8, legend=False, signed=True))
    removeOverlay(node)
    out["zero"], node = draw(makeExplanation(np.zeros(shape), grid))
    removeOverlay(node)

    node = addOverlay(scene.mrml, makeExplanation(cells, grid), volume)
    bounds = (-70.0, 70.0, -60.0, 60.0, -50.0, 50.0)
    showIn3D(node)
    out["in_3d"] = views.threeD.picture((400, 400), bounds, azimuth=0.0, elevation=0.0)
    hideFrom3D(node)
    out["not_in_3d"] = views.threeD.picture((400, 400), bounds, azimuth=0.0, elevation=0.0)
    removeOverlay(node)

    node = addOverlay(scene.mrml, makeExplanation(cells, grid), volume, segmentation)
    segmentation.GetDisplayNode().SetVisibility(True)
    out["nodes_before"] = np.array(sorted(n.GetID() for n in scene.mrml.GetNodes()))
    texts, rgb = [], OffscreenView.rgb
    OffscreenView.rgb = lambda view: (rgb(view), texts.extend(view.texts()))[0]  # while the annotations are there
    out["four_up"] = views.picture(here, volume, node, segmentation)
    OffscreenView.rgb = rgb
    out["texts"] = np.array(texts)
    out["png"] = np.frombuffer(writePng(out["four_up"], Path(path).with_suffix(".png")).read_bytes(), np.uint8)
    out["nodes_after"] = np.array(sorted(n.GetID() for n in scene.mrml.GetNodes()))
    np.savez(path, **out)
    print("errors:", scene.messages.errors)


if __name__ == "__main__":
    main(sys.argv[1])
