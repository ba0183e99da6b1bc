"""Complete files take the place of former ones: all of them or none, wherever the process is killed meanwhile.

In a working folder lies ``new`` (complete) and a journal of two steps.  First what stands in the way is moved to
``old`` (its seal first), then the new is moved in (its seal last); :func:`recover` undoes the first step or ends the
second.  So of a volume and its sidecar, or of the files of a run and its manifest, two that do not belong together
never stand at their place with a seal beside them.  Standard library only.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

NEW, OLD = "new", "old"
_BACK, _FORTH = "back.json", "forth.json"


def swap(work: Path, place: Path, moves: Sequence[tuple[str, str]], away: Sequence[str]) -> None:
    """moves: (path in ``work``, path in ``place``), the seal last.  away: paths in ``place`` that give way, the seal
    first; paths that are not there are passed over.  Everything lies on one file system.

    Raises OSError, also where something stands at a new one's place; then the former files stand as they did.
    """
    for source, _ in moves:
        settle(work / source)
    (work / OLD).mkdir()
    _write(work / _BACK, {"moves": list(map(list, moves)), "away": list(away)})
    try:
        for number, target in enumerate(away):
            if os.path.lexists(place / target):
                os.rename(place / target, work / OLD / str(number))
        for _, target in moves:
            if os.path.lexists(place / target):
                raise FileExistsError(17, "something else came into the result's place", target)
    except OSError:
        recover(work, place)
        raise
    os.replace(work / _BACK, work / _FORTH)
    done = []
    try:
        for source, target in moves:
            (place / target).parent.mkdir(parents=True, exist_ok=True)
            os.rename(work / source, place / target)
            done.append((source, target))
    except OSError:
        for source, target in reversed(done):
            os.rename(place / target, work / source)
        os.replace(work / _FORTH, work / _BACK)
        recover(work, place)
        raise
    _forget(work / _FORTH)


def recover(work: Path, place: Path) -> None:
    """Undo or end what a swap left half-done; nothing that stands at its place now is replaced. Raises OSError."""
    if (journal := _read(work / _FORTH, work, place)) is not None:
        left = [(work / source, place / target) for source, target in journal["moves"] if (work / source).exists()]
        if not any(os.path.lexists(target) for _, target in left):  # else somebody else has taken the place
            for source, target in left:
                target.parent.mkdir(parents=True, exist_ok=True)
                os.rename(source, target)
    elif (journal := _read(work / _BACK, work, place)) is not None:
        for number, target in reversed(list(enumerate(journal["away"]))):
            former = work / OLD / str(number)
            if os.path.lexists(former) and not os.path.lexists(place / target):
                os.rename(former, place / target)
    _forget(work / _FORTH)
    _forget(work / _BACK)


def _read(path: Path, work: Path, place: Path) -> dict | None:
    """The journal, or None: a foreign one that leads out of the two folders (of an unpacked archive, say) is none."""
    try:
        journal = json.loads(path.read_text(encoding="utf-8"))
        inside = [_is_in(work, source) and _is_in(place, target) for source, target in journal["moves"]]
        inside += [_is_in(place, target) for target in journal["away"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return journal if all(inside) else None


def _is_in(folder: Path, name: str) -> bool:
    real = Path(os.path.realpath(folder))
    return Path(name).name not in ("", "..") and Path(os.path.realpath((folder / name).parent)).is_relative_to(real)


def _write(path: Path, journal: dict) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(journal), encoding="utf-8")
    settle(part)
    os.replace(part, path)


def _forget(path: Path) -> None:
    path.unlink(missing_ok=True)


def settle(path: Path) -> None:
    """Onto the disk before it is named: a power failure leaves no empty file under a full one's name."""
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file() and not file.is_symlink():
            with contextlib.suppress(OSError), open(file, "rb+") as opened:
                os.fsync(opened.fileno())
