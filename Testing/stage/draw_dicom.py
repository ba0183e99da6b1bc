"""Draws the how-to's picture of a map that came back from DICOM: `python Testing/stage/draw_dicom.py [FILE.png]`.

The shipped case becomes a DICOM series, is explained by the how-to's own command, and the parametric map is read by
dcmqi, as Slicer reads it; then the module's own overlay is drawn in Slicer's views, offscreen.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "SegHiResGradCAM"), str(ROOT / "Testing")]

import stage  # noqa: E402, F401  before anything imports slicer

# isort: split
import numpy as np  # noqa: E402

from engine.dicom_cases import as_series  # noqa: E402
from engine.doc_snippets import blocks, commands  # noqa: E402
from seghirescam.cli import main  # noqa: E402
from seghirescam.demo.case import SEGMENTATION_FILE, VOLUME_FILE  # noqa: E402
from seghirescam.io.dicom_maps import explanation_of  # noqa: E402
from seghirescam.io.label_maps import read_labels  # noqa: E402
from seghirescam.io.volumes import read_volume  # noqa: E402
from stage.fourup import FourUp  # noqa: E402
from stage.scene import HeadlessScene  # noqa: E402

PAGE = ROOT / "docs" / "how-to" / "dicom.md"
TITLE = "Why a lesion? The shortcut network's map, written as a DICOM parametric map and read back by dcmqi"

#: of the outlines, as in the README's pictures
COLOURS = {"Lesion": (1.0, 0.45, 0.3), "Marker": (0.35, 0.75, 1.0)}


def asked(folder: Path) -> Path:
    """The parametric map."""
    as_series(VOLUME_FILE, folder / "series")
    words = next(
        words for language, block in blocks(PAGE) if language == "bash" for words in commands(block)
        if words[:2] == ["seghirescam", "explain"]
    )  # fmt: skip
    with contextlib.chdir(folder):
        if main([*words[1:], "--device", "cpu", "--quiet"]):
            raise RuntimeError("explain failed")
    return next(one for one in (folder / "why").glob("*.dcm") if "_regions" not in one.name)


def draw(path) -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        file = asked(folder)
        reader = Path(sys.executable).with_name("paramap2itkimage")
        subprocess.run([reader, "--inputDICOM", file, "--outputDirectory", folder, "-n", "back"], check=True,
                       capture_output=True)  # fmt: skip
        back, image = read_volume(folder / "back-pmap.nrrd"), read_volume(folder / "series")
        explanation = replace(explanation_of(file), map=back.array[0], grid=back.grid)
        segments = read_labels(SEGMENTATION_FILE)
        masks = {name: segments.pixel_set(name).on(image.grid).weights > 0 for name in ("Lesion", "Marker")}
    scene = HeadlessScene.instance()
    views = FourUp(scene)
    from SegHiResGradCAMLib import DisplaySettings, addOverlay
    from stage.builders import addSegmentation, addVolume

    volume = addVolume(image.array[0].astype(np.int16), image.grid.ijk_to_ras, "series")
    volume.CreateDefaultDisplayNodes()
    segmentation = addSegmentation(volume, **masks)
    overlay = addOverlay(
        scene.mrml, explanation, volume, segmentation, settings=DisplaySettings(share=0.8, opacity=0.8)
    )
    for name, colour in COLOURS.items():
        segments_of = segmentation.GetSegmentation()
        segments_of.GetSegment(segments_of.GetSegmentIdBySegmentName(name)).SetColor(*colour)
    place = image.grid.ras(np.argwhere(masks["Lesion"]).mean(axis=0))
    views.save(path, place, volume, overlay, segmentation, size=(1100, 800), title=TITLE)
    print("errors:", scene.messages.errors)


if __name__ == "__main__":
    draw(sys.argv[1] if len(sys.argv) > 1 else ROOT / "docs" / "how-to" / "dicom.png")
