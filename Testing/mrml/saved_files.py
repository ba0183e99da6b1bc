"""What was saved, read again: a scene in a process that knows nothing, an exported map beside its sidecar."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

import stage


def readInAFreshProcess(mrb, folder):
    script = Path(stage.__file__).with_name("read_scene.py")
    done = subprocess.run(
        [sys.executable, str(script), str(mrb), str(folder / "voxels.npz")], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer["errors"] == []
    return answer["found"], np.load(folder / "voxels.npz")


def fits(folder):
    """Whether no sidecar tells of other voxels or tables than lie beside it; the voxels' mean where all is there."""
    sidecar, voxels = folder / "map.json", folder / "map.nrrd"
    if not sidecar.exists():
        return None
    facts = json.loads(sidecar.read_text(encoding="utf-8"))
    assert facts["file"]["sha256"] == hashlib.sha256(voxels.read_bytes()).hexdigest()
    for name, digest in facts["tables"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    return facts["file"]["sum"]
