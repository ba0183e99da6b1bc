"""The part of the check that may die: PyTorch loaded, its devices asked, a small map on each. A process of its own.

Lines on stdout, one JSON object each: {"begun": name} before something is tried, {"finding": {...}} after it.  The
process that reads them (:mod:`examine`) knows by that what was tried when this one died or stopped answering.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

from .anonymous import first_line
from .finding import FAILED, OK, Finding, memory_text

LIBRARIES, PYTORCH, CUDA, CPU_MAP = "Packages load", "PyTorch", "CUDA", "Map on the CPU"
_REPORT = "Please report this text."


class Probe:
    """say(dict): sends a line.  cards: how many NVIDIA cards the driver's tool has told of."""

    def __init__(self, say: Callable[[dict], object], cards: int):
        self._say, self._cards = say, cards

    def run(self) -> None:
        if not self._try(LIBRARIES, libraries).stops:
            self._try(PYTORCH, pytorch)
            on_cpu: list = []
            self._try(CPU_MAP, lambda: cpu_map(on_cpu))
            found: list[dict] = []
            self._try(CUDA, lambda: cuda(self._cards, found))
            for one in found:
                self._try(f"Card {one['device']}", lambda one=one: card(one))
                self._try(f"Map on {one['device']}", lambda one=one: gpu_map(one["device"], on_cpu))

    def _try(self, name: str, look: Callable[[], Finding]) -> Finding:
        self._say({"begun": name})
        try:
            found = look()
        except Exception as error:  # whatever a broken installation raises: it is what is looked for
            found = Finding(
                name,
                FAILED,
                f"{type(error).__name__}: {first_line(str(error))}",
                _REPORT,
                needed=name in (LIBRARIES, PYTORCH, CPU_MAP),
            )
        self._say({"finding": found.to_json()})
        return found


def libraries() -> Finding:
    """Whether the needed packages load together: metadata does not tell that their builds fit each other."""
    name = ""
    try:
        for name in ("numpy", "scipy.ndimage", "safetensors", "torch"):
            __import__(name)
        import numpy
        import torch

        name = "torch with numpy"
        torch.from_numpy(numpy.zeros(1)).numpy()
    except (ImportError, OSError, RuntimeError, AttributeError) as error:
        package = name.split(".")[0]
        if isinstance(error, ModuleNotFoundError):
            return Finding(LIBRARIES, FAILED, first_line(str(error)), "Install what is missing, see above.", True)
        return Finding(
            LIBRARIES, FAILED, f"{package} does not load: {first_line(str(error))}", _load_hint(str(error)), True
        )
    return Finding(LIBRARIES, OK, "numpy, scipy, safetensors, torch", needed=True)


def _load_hint(text: str) -> str:
    lowered = text.lower()
    if "numpy" in lowered and ("compiled using" in lowered or "not available" in lowered or "dtype size" in lowered):
        return (
            "Two packages were built for different versions of numpy: python -m pip install --force-reinstall numpy "
            "scipy torch."
        )
    if "winerror 126" in lowered or "winerror 1114" in lowered or "dll load failed" in lowered:
        return "Install Microsoft's Visual C++ Redistributable (x64), restart the computer, then install torch again."
    if "no space" in lowered:
        return "Free disk space, then install it again."
    return "Install it again: python -m pip install --force-reinstall torch numpy scipy safetensors."


def pytorch() -> Finding:
    import torch

    build = f"CUDA {torch.version.cuda}" if torch.version.cuda else "the CPU only"
    if getattr(torch.version, "hip", None):
        build = f"AMD's HIP {torch.version.hip}"
    version = torch.__version__.split("+")[0]
    numbers = {"version": torch.__version__, "cuda": torch.version.cuda, "threads": torch.get_num_threads()}
    said = f"{version}, built for {build}, {torch.get_num_threads()} threads"
    if tuple(int(part) for part in version.split(".")[:2] if part.isdigit()) < (2, 10):
        return Finding(
            PYTORCH,
            FAILED,
            said,
            "Install torch 2.10 or later: older ones can run code that is hidden in model files.",
            True,
            numbers,
        )
    return Finding(PYTORCH, OK, said, needed=True, numbers=numbers)


def cuda(cards: int, found: list[dict]) -> Finding:
    """Puts the devices that PyTorch offers into ``found``."""
    import torch

    from ..session.devices import gpus
    from ..session.hardware.device_failures import device_error

    listed, problem = gpus()
    found += listed
    if listed:
        return Finding(CUDA, OK, f"{len(listed)} card{'s' if len(listed) > 1 else ''}")
    if problem:
        meaning = device_error(RuntimeError(problem), "cuda")
        do = f"{meaning.sentence} {meaning.hint}" if meaning else "Choose the CPU as device."
        return Finding(CUDA, FAILED, first_line(problem), do)
    if cards and not torch.version.cuda and not getattr(torch.version, "hip", None):
        return Finding(
            CUDA,
            FAILED,
            "there is an NVIDIA card, and this PyTorch was built for the CPU only",
            "Install its CUDA build; until then the CPU computes, slower.",
        )
    if cards:
        return Finding(
            CUDA,
            FAILED,
            "there is an NVIDIA card, and PyTorch sees none",
            "Update NVIDIA's driver, and unset CUDA_VISIBLE_DEVICES if it is set.",
        )
    return Finding(CUDA, OK, "no card: the CPU computes, slower")


def card(one: dict) -> Finding:
    """one: as session.devices tells it. Its capability against what this PyTorch has code for."""
    import torch

    from .graphics import has_code

    capability = tuple(torch.cuda.get_device_capability(one["device"]))
    built_for = torch.cuda.get_arch_list()
    said = (
        f"{one['name']}, {memory_text(one['free_bytes'])} of {memory_text(one['total_bytes'])} free, "
        f"compute capability {capability[0]}.{capability[1]}"
    )
    numbers = {
        "capability": list(capability),
        "built_for": built_for,
        "total_bytes": one["total_bytes"],
        "free_bytes": one["free_bytes"],
    }
    # AMD's list holds names of another kind, and is complete
    if torch.version.cuda and not has_code(capability, built_for):
        return Finding(
            f"Card {one['device']}",
            FAILED,
            f"{said}; this PyTorch has code for {' '.join(built_for)} only",
            "Install a PyTorch build for this card, or choose the CPU as device.",
            numbers=numbers,
        )
    return Finding(f"Card {one['device']}", OK, said, numbers=numbers)


def cpu_map(kept: list) -> Finding:
    """Puts the map into ``kept`` if it is right."""
    from .small_map import TOLERANCE, small_map

    found = small_map("cpu")
    wrong = found.wrong()
    numbers = {"seconds": round(found.seconds, 2), "score": found.score, "tolerance": TOLERANCE}
    if wrong:
        return Finding(
            CPU_MAP,
            FAILED,
            f"it is not the map of other computers: {wrong}",
            "Trust no map of this computer: install torch again, and report this text.",
            True,
            numbers,
        )
    kept.append(found)
    return Finding(
        CPU_MAP,
        OK,
        f"made in {found.seconds:.1f} s, as on other computers (within {TOLERANCE:g})",
        needed=True,
        numbers=numbers,
    )


def gpu_map(device: str, on_cpu: list) -> Finding:
    """The same map there, against the CPU's.  A card that refuses is no use, one that computes wrongly a danger."""
    from ..protocol.errors import SegHiResCamError
    from ..session.hardware.device_failures import device_error
    from .agreement import LEAST_COSINE, TOLERANCE, agreement
    from .small_map import small_map

    name = f"Map on {device}"
    try:
        found = small_map(device)
    except SegHiResCamError as error:
        return Finding(name, FAILED, error.sentence, error.hint)
    except RuntimeError as error:
        meaning = device_error(error, device)
        if meaning is None:
            raise
        return Finding(name, FAILED, meaning.sentence, meaning.hint)
    if not on_cpu:
        return Finding(name, FAILED, "made, and not compared: there is no map of the CPU", "See the map on the CPU.")
    alike = agreement(on_cpu[0].map, found.map)
    said = (
        f"made in {found.seconds:.1f} s; from the CPU's it differs by {alike.difference:.1e} of its largest value "
        f"(allowed: {TOLERANCE:g}), cosine {alike.cosine:.7f} (at least {LEAST_COSINE:g})"
    )
    numbers = {
        "seconds": round(found.seconds, 2),
        "difference": alike.difference,
        "cosine": alike.cosine,
        "tolerance": TOLERANCE,
        "least_cosine": LEAST_COSINE,
    }
    if not alike.holds:
        return Finding(
            name,
            FAILED,
            said,
            "Choose the CPU as device: this card computes other maps; update its driver and report this text.",
            True,
            numbers,
        )
    return Finding(name, OK, said, numbers=numbers)


@contextmanager
def _lines():
    """say(dict) to what was stdout; whatever libraries print goes to stderr from now on."""
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    try:
        yield lambda message: out.write(json.dumps(message, default=_plain).encode("ascii") + b"\n")
    finally:
        out.close()


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else str(value)


def end_with_parent() -> None:
    """Ends this process when whoever holds its stdin does, as in a crash; call it in a thread of its own."""
    while os.read(0, 1):  # not by sys.stdin, whose lock nobody could take at the end
        pass
    os._exit(1)


def main(arguments: list[str]) -> int:
    threading.Thread(target=end_with_parent, daemon=True).start()
    with _lines() as say:
        Probe(say, int(arguments[0]) if arguments else 0).run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
