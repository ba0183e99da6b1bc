"""Child processes that tests start find both buildings too, also when pytest was started by hand."""

import os
from pathlib import Path

ROOT = Path(__file__).parents[1]
_paths = [str(ROOT / "SegHiResGradCAM"), str(ROOT / "Testing")]
_known = os.environ.get("PYTHONPATH", "").split(os.pathsep)
os.environ["PYTHONPATH"] = os.pathsep.join([*_paths, *(p for p in _known if p and p not in _paths)])
