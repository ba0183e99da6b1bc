"""Draws every picture that a page shows: `python tools/draw_pictures.py [NAME ...]`, all of them in minutes.

A picture beside a command is what that command, as it stands on the page, writes; the others have a script. Nothing is
shrunk or touched up afterwards. A test compares the list below with the pictures in the pages.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "SegHiResGradCAM"), str(ROOT / "Testing")]

from engine.doc_snippets import blocks, commands  # noqa: E402


@dataclass(frozen=True)
class Typed:
    """By the commands of a page, typed one after another until the picture is there.

    made: the picture, in the folder where they are typed.  first: how the first of them begins; what stands above it is
    left out.
    """

    page: str
    made: str
    first: str = ""

    def commands(self) -> list[list[str]]:
        every = [
            words
            for language, block in blocks(ROOT / self.page)
            if language == "bash"
            for words in commands(block)
            if words[:3] != ["python", "-m", "pip"]
        ]
        begins = [n for n, words in enumerate(every) if " ".join(words).startswith(self.first)]
        return every[begins[0] :] if begins else []


@dataclass(frozen=True)
class Script:
    """By a script of this repository, which is told where to write."""

    path: str
    words: tuple[str, ...] = ()


_DEMO, _CHECK = "README.md", "docs/how-to/check_a_map.md"
_COHORT = "python Testing/demo_training cohort"
PICTURES: dict[str, Typed | Script] = {
    "Resources/honest_vs_shortcut.png": Typed(_DEMO, "demo_output/honest_vs_shortcut.png", "python3 dev.py demo"),
    "Resources/methods_and_layers.png": Typed(_DEMO, "demo_output/methods_and_layers.png", "python3 dev.py demo"),
    "Resources/four_up.png": Typed(_DEMO, "demo_output/four_up.png", "python3 dev.py demo"),
    "Resources/contact_sheet.png": Typed("docs/how-to/compare_methods.md", "compared/contact_sheet.png"),
    "Resources/masked_out.png": Typed(_CHECK, "outside/figure.png"),
    "Resources/curves.png": Typed(_CHECK, "evaluated/curves.png", "seghirescam evaluate"),
    "Resources/signed.png": Typed("docs/how-to/figure.md", "signed.png"),
    "Resources/paired_cases.png": Typed("docs/how-to/cohorts.md", "RUN/stats/pairs_1.png", _COHORT),
    "Resources/panel.png": Script("Testing/stage/draw_panel.py"),
    "docs/how-to/dicom.png": Script("Testing/stage/draw_dicom.py"),
    "SegHiResGradCAM/Resources/Icons/SegHiResGradCAM.png": Script("tools/make_icon.py"),
    "SegHiResGradCAM/Resources/Icons/SegHiResGradCAMDemo.png": Script("tools/make_thumbnail.py", ("--out",)),
}


def draw(names) -> None:
    with tempfile.TemporaryDirectory() as made:
        for name in names:
            how = PICTURES[name]
            print(name, flush=True)
            if isinstance(how, Script):
                _run([sys.executable, how.path, *how.words, str(ROOT / name)], ROOT)
                continue
            folder = Path(made)
            for words in how.commands():
                if (folder / how.made).exists():
                    break
                if not _done(words, folder):
                    _run(_started(words), folder)
            shutil.copyfile(folder / how.made, ROOT / name)


def _done(words, folder) -> bool:
    """Whether an earlier picture's turn has run it: its result folder is there."""
    return "--out" in words and (folder / words[words.index("--out") + 1]).exists()


def _started(words: list[str]) -> list[str]:
    """What is typed in the clone, for this Python and any folder."""
    if words[0] == "seghirescam":
        return [sys.executable, "-m", *words]
    if words[1:] == ["dev.py", "demo"]:  # which would first look after a virtual environment
        return [sys.executable, str(ROOT / "examples" / "demo.py"), "--out", "demo_output"]
    return [sys.executable, str(ROOT / words[1]), *words[2:]]


def _run(words, folder) -> None:
    ours = os.pathsep.join(str(ROOT / name) for name in ("SegHiResGradCAM", "Testing"))
    environment = os.environ | {"PYTHONPATH": ours, "QT_QPA_PLATFORM": "offscreen"}
    subprocess.run(words, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    asked = sys.argv[1:] or PICTURES
    unknown = [name for name in asked if name not in PICTURES]
    if unknown:
        sys.exit(f"Not known: {', '.join(unknown)}. Name some of: {', '.join(PICTURES)}.")
    draw(asked)
