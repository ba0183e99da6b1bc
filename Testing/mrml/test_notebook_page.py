"""The lines of docs/tutorials/notebook.md that run in Slicer's Python, as they stand, on the demo case in a scene."""

import re
import types
from pathlib import Path

import numpy as np

import seghirescam
from seghirescam.demo import case
from seghirescam.models import open_model
from stage.files import readSegmentation, readVolume

PAGE = Path(__file__).parents[2] / "docs" / "tutorials" / "notebook.md"


def test_the_lines_for_slicer_put_a_map_into_the_scene_and_onto_disk(mrml, tmp_path, monkeypatch):
    (lines,) = re.findall(r"<!-- run by \S+ -->\n```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    monkeypatch.chdir(tmp_path)
    segmentation = readSegmentation(mrml, case.SEGMENTATION_FILE, "Bodies")
    space = {
        "slicer": types.SimpleNamespace(mrmlScene=mrml), "seghirescam": seghirescam, "model": open_model("demo:honest"),
        "volumeNode": readVolume(mrml, case.VOLUME_FILE, "T1"), "segmentationNode": segmentation, "segmentId": "Lesion",
    }  # fmt: skip
    exec(compile(lines, "notebook.md", "exec"), space)
    assert space["overlay"].GetScene() is mrml and (tmp_path / "why.nrrd").exists() and (tmp_path / "why.json").exists()
    found = space["found"]
    assert found.status == "ok" and np.isclose(found.total, found.map.sum(dtype=np.float64))
