"""NVIDIA's driver and cards as its own tool tells, without PyTorch; and which card a build of PyTorch has code for."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

from .anonymous import first_line
from .finding import FAILED, OK, Finding

_SECONDS = 10.0
_ASKED = "name,driver_version,memory.total,memory.free,compute_cap"


def driver(ask: Callable[[], str] | None = None) -> Finding:
    """What nvidia-smi says. ask: replaceable for tests, raising OSError where there is no such tool."""
    try:
        rows = [[part.strip() for part in line.split(",")] for line in (ask or _ask)().splitlines() if line.strip()]
        cards = [_card(*row) for row in rows]
    except subprocess.TimeoutExpired:
        return Finding("NVIDIA driver", FAILED, "it does not answer", "Restart the computer, or update the driver.")
    except subprocess.CalledProcessError as error:
        said = first_line(f"{error.stdout or ''}\n{error.stderr or ''}")
        return Finding("NVIDIA driver", FAILED, said, "Install NVIDIA's driver again, then restart the computer.")
    except (OSError, ValueError, TypeError):
        if Path("/proc/driver/nvidia/version").exists():
            return Finding(
                "NVIDIA driver", FAILED, "it is there, its tool nvidia-smi is not", "Install NVIDIA's driver again."
            )
        return Finding("NVIDIA driver", OK, "none: no NVIDIA card, or no driver for it")
    if not cards:
        return Finding("NVIDIA driver", OK, "it sees no card")
    said = f"{cards[0]['driver']}; " + "; ".join(
        f"{one['name']}, {one['free_mib'] / 1024:.1f} of {one['total_mib'] / 1024:.1f} GiB free, "
        f"compute capability {one['capability']}"
        for one in cards
    )
    return Finding("NVIDIA driver", OK, said, numbers={"cards": cards})


def _ask() -> str:
    words = ["nvidia-smi", f"--query-gpu={_ASKED}", "--format=csv,noheader,nounits"]
    return subprocess.run(words, capture_output=True, text=True, timeout=_SECONDS, check=True).stdout


def _card(name: str, version: str, total: str, free: str, capability: str) -> dict:
    return {
        "name": name,
        "driver": version,
        "total_mib": float(total),
        "free_mib": float(free),
        "capability": capability,
    }


def has_code(capability: tuple[int, int], built_for: Iterable[str]) -> bool:
    """Whether a build of PyTorch has code for a card.

    capability: of the card, e.g. (8, 9).  built_for: torch.cuda.get_arch_list(), e.g. ["sm_80", "compute_90"].  CUDA's
    rules (Programming Guide, binary and PTX compatibility): machine code sm_XY runs on cards of the same X and an equal
    or higher Y; sm_XYa on that card only, sm_XYf within the family, which is the same X and an equal or higher Y; PTX
    compute_XY is compiled for every later card.
    """
    for word in built_for:
        found = re.fullmatch(r"(sm|compute)_(\d+)(\d)([af]?)", word)
        if not found:
            continue
        kind, built, special = found[1], (int(found[2]), int(found[3])), found[4]
        if special == "a":
            fits = built == capability
        elif kind == "compute" and not special:
            fits = built <= capability
        else:
            fits = built[0] == capability[0] and built[1] <= capability[1]
        if fits:
            return True
    return False
