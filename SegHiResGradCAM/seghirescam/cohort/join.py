"""Parts of one cohort that were run in folders of their own, joined in one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from ..protocol.writing.claims import OutputError
from .run_folder import RunFolder, written


def join(run: RunFolder, parts: Sequence[Path]) -> int:
    """Every finished question of the parts, with its maps, and every journal, into ``run``, which has begun; how many
    questions came.  The parts stay as they are.

    Raises OutputError for a folder of another plan, other settings or other versions, DiskError.
    """
    own = run.facts()
    assert own is not None
    others = [RunFolder(part) for part in parts]
    for other in others:
        facts = other.facts()
        if facts is None:
            raise OutputError(f"The folder '{other.path.name}' holds no cohort's run.", "Name folders given as --out.")
        differing = sorted(word for word in own if facts.get(word) != own[word])
        if differing:
            raise OutputError(
                f"The folder '{other.path.name}' is no part of this cohort: it has another {', '.join(differing)}.",
                "Join parts of one plan, asked with the same settings and versions.",
            )
        if other.path.resolve() == run.path.resolve():
            raise OutputError("The folder to join into is one of the parts.", "Name another one with --out.")
    return sum(_joined(run, other) for other in others)


def _joined(run: RunFolder, other: RunFolder) -> int:
    count = 0
    with written():
        for path in sorted((other.path / "questions").glob("*/*.json")):
            if run.question(path.stem) is None and other.question(path.stem) is not None:
                run.write(run.question_path(path.stem), path.read_bytes())
                count += 1
        for path in sorted(other.maps.iterdir()) if other.maps.is_dir() else ():
            if not (run.maps / path.name).exists():
                part = run.working / f"maps-{path.name}.part"
                shutil.copytree(path, part, dirs_exist_ok=True)
                run.maps.mkdir(exist_ok=True)
                os.replace(part, run.maps / path.name)
        for path in sorted([*other.journal.glob("*.jsonl"), *other.journal.glob("*.times")]):
            run.write(run.journal / path.name, path.read_bytes())
    return count
