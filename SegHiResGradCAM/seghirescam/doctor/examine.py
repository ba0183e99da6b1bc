"""Everything looked at, in order; what may die is tried in a process of its own. Standard library only."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from .. import __version__
from . import disk_room, graphics, interpreter, packages
from .anonymous import first_line
from .finding import FAILED, MISSING, OK, Finding

#: for one thing: loading PyTorch from a slow disk with a scanner for viruses takes minutes
SECONDS = 300.0
_LOG_LINES = 40
#: what a made map is told by, and what all need; see torch_probe
_CPU_MAP, _LIBRARIES = "Map on the CPU", "Packages load"


def examine(tell: Callable[[str], object] = lambda name: None, seconds: float = SECONDS) -> list[Finding]:
    """tell(name): called before something is looked at that takes its time.  seconds: for one such thing."""
    found = [
        Finding("Seg-HiRes-Grad CAM", OK, __version__, numbers={"version": __version__}),
        interpreter.python(),
        interpreter.system(),
        interpreter.memory(),
        *packages.packages(),
    ]
    tell("the driver")
    driver = graphics.driver()
    cards = len(driver.numbers.get("cards", ()))
    torch_is_there = any(one.name == "torch" and one.status != MISSING for one in found)
    found += [*disk_room.places(packages.missing_bytes(cuda=bool(cards))), *disk_room.long_paths(torch_is_there)]
    found += [disk_room.proxy(), driver]
    lacking = [one.name for one in found if one.name in {p.name for p in packages.NEEDED} and one.status == MISSING]
    if lacking:
        said = f"not tried without {', '.join(lacking)}"
        return [*found, Finding(_CPU_MAP, MISSING, said, "Install what is missing, then check again.", True)]
    return [*found, *_probed(cards, tell, seconds)]


def can_make_a_map(found: list[Finding]) -> bool:
    """A map was made on the CPU, and nothing says that maps of this computer cannot be trusted."""
    made = any(one.name == _CPU_MAP and one.status == OK for one in found)
    return made and not any(one.stops for one in found)


def _probed(cards: int, tell: Callable[[str], object], seconds: float) -> Iterator[Finding]:
    """What the process says, and what its end says where it has not come to its own."""
    engine = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join([engine, *filter(None, [os.environ.get("PYTHONPATH")])])
    # -P: the current folder is not searched for modules
    command = [sys.executable, "-P", "-m", f"{__package__}.torch_probe", str(cards)]
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": path, "PYTHONUTF8": "1"},
        )
    except OSError as error:
        said = f"no process could be started: {error.strerror or type(error).__name__}"
        yield Finding(_LIBRARIES, FAILED, said, "Close other programs, then check again.", True)
        return
    told: queue.Queue[bytes] = queue.Queue()
    log: deque[bytes] = deque(maxlen=_LOG_LINES)
    for pipe, take in ((process.stdout, told.put), (process.stderr, log.append)):
        threading.Thread(target=_read, args=(pipe, take), daemon=True).start()
    begun = _LIBRARIES
    try:
        while True:
            try:
                line = told.get(timeout=seconds)
            except queue.Empty:
                yield _unfinished(begun, f"no answer for {seconds:.0f} s", "Restart the computer, then check again.")
                return
            if not line:
                break
            message = _message(line)
            if "begun" in message:
                begun = message["begun"]
                tell(begun)
            elif "finding" in message:
                begun = ""
                yield Finding(**message["finding"])
        code = process.wait(timeout=seconds)
        if code:
            last = first_line(b"\n".join(list(log)[-1:]).decode("utf-8", "replace"))
            yield _unfinished(begun or "Check", f"the process ended with code {code} ({last})", _death_hint(code))
    finally:
        process.kill()
        process.wait()


def _message(line: bytes) -> dict:
    """{} for what is none: a start-up script of this Python may print, too."""
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _unfinished(name: str, said: str, do: str) -> Finding:
    """On a card only the card is of no use."""
    return Finding(name, FAILED, said, do, needed=not name.startswith(("Map on cuda", "Card", "CUDA")))


def _death_hint(code: int) -> str:
    if code in (-9, 137):
        return "The system ended it, probably for want of memory: close other programs, then check again."
    return "Install torch again: python -m pip install --force-reinstall torch; on a card: update its driver."


def _read(pipe, take: Callable[[bytes], object]) -> None:
    """To the end, which is told as b""."""
    for line in pipe:
        take(line)
    take(b"")
