"""Computers on which something is wrong: real processes, in which a package raises the text that is known of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ENGINE = Path(__file__).resolve().parents[2] / "SegHiResGradCAM"

#: a card that PyTorch offers, for which ``CALL`` raises ``TEXT``: texts of CUDA as PyTorch 2.13 hands them on
CARD = """
import types, torch
torch.cuda.is_available = lambda: True
torch.cuda.device_count = lambda: 1
torch.cuda.get_device_capability = lambda device=None: {capability}
torch.cuda.get_arch_list = lambda: ["sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120"]
torch.cuda.get_device_properties = lambda device: types.SimpleNamespace(
    name="NVIDIA GeForce GTX 1080", total_memory=8 * 2**30, uuid="GPU-0", major=6, minor=1)
torch.version.cuda = "13.0"
_to = torch.nn.Module.to
def to(self, *words, **more):
    if any(str(word).startswith("cuda") for word in words):
        raise {error}
    return _to(self, *words, **more)
torch.nn.Module.to = to
"""
NO_KERNEL = (
    "CUDA error: no kernel image is available for execution on the device\n"
    "Search for `cudaErrorNoKernelImageForDevice' in https://docs.nvidia.com/cuda/ for more information.\n"
    "CUDA kernel errors might be asynchronously reported at some other API call, so the stacktrace below might be "
    "incorrect.\nFor debugging consider passing CUDA_LAUNCH_BLOCKING=1\n"
)
OLD_DRIVER = (
    "CUDA initialization: The NVIDIA driver on your system is too old (found version 11040). Please update your GPU "
    "driver by downloading and installing a new version from the URL: http://www.nvidia.com/Download/index.aspx "
    "Alternatively, go to: https://pytorch.org to install a PyTorch version that has been compiled with your version "
    "of the CUDA driver. (Triggered internally at /pytorch/c10/cuda/CUDAFunctions.cpp:119.)"
)
DRIVER = """
import warnings, torch
def is_available():
    warnings.warn({text!r}, UserWarning)
    return False
torch.cuda.is_available = is_available
torch.version.cuda = "13.0"
"""


def no_kernel(capability: tuple = (6, 1)) -> str:
    """What is to be run at the start of a Python on a computer with a card for which PyTorch has no code."""
    return CARD.format(capability=capability, error=f"torch.AcceleratorError({NO_KERNEL!r})")


def old_driver() -> str:
    return DRIVER.format(text=OLD_DRIVER)


def computer(folder: Path, at_start: str = "", packages: dict[str, str] | None = None) -> dict[str, str]:
    """The environment of a Python that begins with ``at_start`` (once PyTorch is wanted), with packages of our own.

    packages: name -> the text of its __init__.py, found before the installed ones.
    """
    place = folder / "computer"
    place.mkdir()
    for name, text in (packages or {}).items():
        (place / name).mkdir()
        (place / name / "__init__.py").write_text(text, encoding="utf-8")
    if at_start:
        (place / "sitecustomize.py").write_text(_WHEN_TORCH_IS_LOADED.format(code=at_start), encoding="utf-8")
    path = os.pathsep.join([str(place), str(ENGINE)])
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return kept | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


_WHEN_TORCH_IS_LOADED = """
import importlib.abc, importlib.machinery, sys
class After(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name != "torch":
            return None
        sys.meta_path.remove(self)
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        run = spec.loader.exec_module
        def exec_module(module):
            run(module)
            exec({code!r}, {{}})
        spec.loader.exec_module = exec_module
        return spec
sys.meta_path.insert(0, After())
"""


def doctor(environment: dict[str, str], *python: str) -> tuple[int, dict]:
    """(exit code, what ``seghirescam.doctor --json`` says)."""
    command = [sys.executable, *python, "-P", "-m", "seghirescam.doctor", "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout)


def findings(told: dict) -> dict[str, dict]:
    return {one["name"]: one for one in told["findings"]}
