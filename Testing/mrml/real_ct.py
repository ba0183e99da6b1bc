"""A real CT and its label map, which lie beside the checkout or nowhere."""

import os
from pathlib import Path

import pytest

DATA = os.environ.get("SEGHIRESCAM_TEST_DATA", "")
FILES = {
    name: Path(DATA) / name for name in ("ct_abdomen.nii.gz", "ct_abdomen_labels.nii.gz", "ct_abdomen_labels.json")
}
needs_data = pytest.mark.skipif(
    not DATA or not all(path.is_file() for path in FILES.values()),
    reason="set SEGHIRESCAM_TEST_DATA to the folder that holds ct_abdomen.nii.gz and its labels",
)
