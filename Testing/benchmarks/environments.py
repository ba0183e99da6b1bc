"""A virtual environment a contestant, so that no peer's pins touch another's.  Standard library only.

``base`` holds torch and MONAI; the others see it through a ``.pth`` file (torch is large, and all must use the same
build) and have their own packages in front of it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from pathlib import Path

# one list a pip call; torch goes first and alone
BASE = [["torch==2.13.0"], ["monai==1.6.1", "numpy==2.4.6"]]
PEERS = {
    "base": [],
    "seghirescam": [["scipy==1.17.1", "safetensors==0.8.0"]],
    "captum": [["captum==0.9.0"]],
    # --no-deps: it asks for torchvision, which has no build for this torch (stubbed, peers/pytorch_grad_cam.py)
    "pytorch-grad-cam": [
        ["--no-deps", "grad-cam==1.5.7"],
        ["ttach==0.0.3", "opencv-python-headless==5.0.0.93", "matplotlib==3.11.2", "scikit-learn==1.9.1"],
        ["tqdm==4.70.1"],
    ],
    "torchcam": [["torchcam==0.5.0"]],
    "medcam": [["medcam==0.1.22", "opencv-python-headless==5.0.0.93"]],
}


class Environments:
    """Makes the environments below ``folder`` when they are first asked for and keeps them."""

    def __init__(self, folder: Path, say=print):
        self.folder = folder
        self.say = say

    def python(self, name: str) -> Path:
        """The interpreter of one environment; raises subprocess.CalledProcessError where pip cannot make it."""
        self._make("base", BASE, link=None)
        if name != "base":
            self._make(name, PEERS[name], link=self._site_packages("base"))
        return self._interpreter(name)

    def versions(self, name: str) -> dict[str, str]:
        """Installed packages of one environment, what it sees of ``base`` included."""
        found = self._run(name, "-m", "pip", "list", "--format=json")
        return {p["name"]: p["version"] for p in json.loads(found)}

    def _make(self, name: str, calls: list[list[str]], link: str | None) -> None:
        stamp = self.folder / name / "installed.json"
        if stamp.exists() and json.loads(stamp.read_text()) == calls:
            return
        self.say(f"  environment '{name}': {', '.join(p for c in calls for p in c if p[0] != '-')}")
        venv.EnvBuilder(with_pip=True, clear=True, symlinks=sys.platform != "win32").create(self.folder / name)
        if link:
            (Path(self._site_packages(name)) / "zz_bench_base.pth").write_text(link + "\n")
        for call in calls:
            self._run(name, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *call)
        stamp.write_text(json.dumps(calls))

    def _site_packages(self, name: str) -> str:
        return self._run(name, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()

    def _run(self, name: str, *arguments: str) -> str:
        done = subprocess.run(
            [str(self._interpreter(name)), *arguments],
            check=True,
            text=True,
            capture_output=True,
        )
        return done.stdout

    def _interpreter(self, name: str) -> Path:
        windows = sys.platform == "win32"
        return self.folder / name / ("Scripts/python.exe" if windows else "bin/python")
