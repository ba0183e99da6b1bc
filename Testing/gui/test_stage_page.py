"""The stage's page: its code runs as it stands there, and every file it names is there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import stage

STAGE = Path(stage.__file__).parent
ROOT = STAGE.parents[1]
PAGE = (STAGE / "README.md").read_text(encoding="utf-8")


def test_the_code_of_the_page_runs_from_top_to_bottom_and_leaves_what_it_says(tmp_path):
    code = "\n".join(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
    module = str(ROOT / "SegHiResGradCAM" / "SegHiResGradCAM.py")
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code.replace("SegHiResGradCAM/SegHiResGradCAM.py", module)],
        capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert {"scene.mrb", "panel.png"} <= {path.name for path in tmp_path.iterdir()}


def test_every_file_the_page_names_is_there():
    names = set(re.findall(r"`([\w/]+(?:\.py|/))`", PAGE))
    places = (STAGE, STAGE / "gui", ROOT, ROOT / "SegHiResGradCAM")
    assert len(names) > 15 and all(any((place / name).exists() for place in places) for name in names)
    files = {path.name for path in STAGE.glob("*.py")} - {"__init__.py"}
    assert all(f"`{name}`" in PAGE for name in files)
