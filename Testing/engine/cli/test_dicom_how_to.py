"""The commands of docs/how-to/dicom.md run as they stand, on the shipped case as a DICOM series."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from engine.cli_cases import left
from engine.dicom_cases import as_series
from seghirescam.cli import main
from seghirescam.demo.case import VOLUME_FILE
from seghirescam.io.dicom_maps import explanation_of
from seghirescam.io.volumes import read_volume
from seghirescam.protocol.privacy import DICOM_SENTENCE

PAGE = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "dicom.md"


@pytest.mark.slow
def test_the_page_s_commands_run_and_its_map_is_the_layer_s(tmp_path, monkeypatch):
    as_series(VOLUME_FILE, tmp_path / "series")
    monkeypatch.chdir(tmp_path)
    text = PAGE.read_text(encoding="utf-8")
    assert " ".join(DICOM_SENTENCE.split()) in " ".join(text.replace(">", " ").split())
    lines = [line for block in re.findall(r"```bash\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    lines = [line for line in lines if not line.startswith("python -m pip")]
    assert len(lines) == 4
    for line in lines:
        assert main([*shlex.split(line)[1:], "--quiet"]) == 0, line
    name = "01_encoder.1_seg_hires_grad_cam"
    assert {f"{name}.dcm", f"{name}_regions.dcm"} <= set(left(tmp_path / "dicom"))
    found = explanation_of(tmp_path / "why" / f"{name}.dcm")
    again = read_volume(tmp_path / "again" / f"{name}.nii.gz")
    assert np.array_equal(found.map, again.array[0]) and found.grid.same_as(again.grid, 1e-4)
    assert (found.method, found.class_name, found.layer.name) == ("seg_hires_grad_cam", "lesion", "encoder.1")
    assert found.total == pytest.approx(float(again.array.sum(dtype=np.float64)))
    # written as a density and read back, the cells hold what they held, up to what lies outside the image
    density = explanation_of(tmp_path / "dicom" / f"{name}.dcm")
    assert density.grid.same_as(read_volume(tmp_path / "series").grid, 1e-3)
    assert density.total == pytest.approx(found.total, rel=1e-3)
