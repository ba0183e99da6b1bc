"""A question's maps as files, for whoever wants to see them: on the layer's cells, with a sidecar without names."""

from __future__ import annotations

import json
import re
from pathlib import Path

from ...io.volumes import write_volume
from ...protocol.explanation import Explanation
from ...protocol.messages import line


def write_map(folder: Path, number: int, explanation: Explanation) -> None:
    """``01_encoder.2_seg_hires_grad_cam.nrrd``, signed, in the unit that its ``.json`` tells. Raises DiskError."""
    folder.mkdir(exist_ok=True)
    name = re.sub(r"[^\w.-]+", "-", f"{number:02d}_{explanation.layer.name}_{explanation.method}")
    digest = write_volume(folder / f"{name}.nrrd", explanation.map, explanation.grid)
    facts = json.loads(line(explanation.to_json() | {"sha256": digest}))
    (folder / f"{name}.json").write_text(json.dumps(facts, indent=2, sort_keys=True) + "\n", encoding="utf-8")
