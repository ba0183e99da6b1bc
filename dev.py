#!/usr/bin/env python3
"""Everything a newcomer or developer runs, from a bare Python 3.11 or 3.12:

    python3 dev.py demo     the main job on a real brain: explanation, scene, pictures, numbers -> demo_output/
    python3 dev.py test     all tests (--full: also the slow ones; --slicer 5.12.4.0: panel and MRML on another
                            slicer-core; further words go to pytest, which then runs in one process, as with -n 0)
    python3 dev.py bench    side by side with the tools one would use instead (--gpu: what only a GPU can tell, eight
                            minutes; --gpu --own-python: with this Python's torch, without installing anything)
    python3 dev.py train    train the demo models again and measure them -> demo_training/
    python3 dev.py enter FILE.py    your own method in the benchmark with known answers -> entry/
    python3 dev.py lint     ruff and mypy
    python3 dev.py docs     the documentation as a site -> site/ (no network; a broken link is an error)

Set-up is part of each command: a virtual environment in .venv (or $SEGHIRESCAM_VENV) with pinned packages.  Standard
library only.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import os
import subprocess
import sys
import time
import venv
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent
TORCH = "torch==2.13.0"
INTERRUPTED = 130
#: the panel on its stage and the worker: not in one process with the engine's tests, which know no stand-ins for Slicer
PANEL = ("Testing/gui", "Testing/mrml", "Testing/engine/worker")
#: tests that measure by the clock how long a Cancel, a start or a refusal takes, and those that kill at random moments:
#: nothing of ours runs beside them
ALONE = (
    *("Testing/gui/test_stage_events.py", "Testing/gui/test_panel_setup_check.py", "Testing/gui/test_panel_faults.py"),
    *("Testing/mrml/test_worker_client.py", "Testing/mrml/test_worker_ends.py", "Testing/mrml/test_kills.py"),
    *("Testing/mrml/test_worker_strangers.py", "Testing/engine/worker/test_worker.py"),
    *("Testing/engine/worker/test_kills.py", "Testing/engine/protocol/test_bounded.py"),
    *("Testing/engine/models/test_pickle_scan.py", "Testing/engine/models/test_unrecognised.py"),
)
#: measured on Linux x86-64 with the CPU build of torch: (what, download MB, on disk MB)
SIZES = {
    "torch": ("PyTorch 2.13.0 (CPU build)", 190, 760),
    "demo": ("Slicer's MRML classes and VTK, SimpleITK, SciPy, matplotlib", 290, 900),
    "models": (
        "the libraries of the model kinds (MONAI, nnU-Net, transformers), DICOM and the tests' oracle (Quantus)",
        145,
        550,
    ),
    "docs": ("MkDocs with its theme", 45, 190),
    "test": ("the same, nilearn (with the MNI152 template), Qt (PySide6), pytest, ruff, mypy", 490, 1660),
}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser("demo", help="the main job, end to end, into demo_output/")
    demo.add_argument("--device", default=None, help="cpu or cuda; without a GPU the demo says so and uses the CPU")
    demo.add_argument("--out", default="demo_output", help="folder for the results")
    test = commands.add_parser("test", help="all tests; unknown words go to pytest")
    test.add_argument("--full", action="store_true", help="also the tests that take long")
    test.add_argument(
        "--slicer", metavar="VERSION", help="panel and MRML on this slicer-core instead of the pinned one"
    )
    commands.add_parser("bench", help="the benchmark; its own options follow (--quick, --rounds N, --resume, --gpu)")
    commands.add_parser("train", help="train the demo models again; its own options follow (--out DIR)")
    commands.add_parser("enter", help="your own method in the benchmark with known answers; --help says what it gets")
    commands.add_parser("lint", help="ruff check and format check, mypy")
    commands.add_parser("docs", help="build the documentation into site/")
    options, rest = parser.parse_known_args(arguments)
    if rest and options.command in ("demo", "lint", "docs"):
        parser.error(f"unknown words: {' '.join(rest)}")

    if options.command == "demo":
        python = environment("demo")
        extra = ["--device", options.device] if options.device else []
        return run([python, "examples/demo.py", "--out", str(Path(options.out).resolve()), *extra])
    if options.command == "test":
        python = environment("test")
        chosen = [] if options.full or any(word == "-m" for word in rest) else ["-m", "not slow"]
        if options.slicer:
            rest = rest or ["Testing/gui", "Testing/mrml"]
        other = [slicer_folder(Path(python), options.slicer)] if options.slicer else []
        pytest = [python, "-m", "pytest", *chosen]
        if rest or (os.cpu_count() or 1) < 2:
            return run([*pytest, *rest], other)
        os.environ.setdefault("OMP_NUM_THREADS", "1")  # two processes of many threads each would wait for one another
        # a crashing file is not begun again
        two = ["-n", "2", "--dist", "loadfile", "--max-worker-restart", "0"]
        alone = [f"--ignore={file}" for file in ALONE]
        engine = [*(f"--ignore={folder}" for folder in PANEL), *alone]
        # one process for what measures time, and for the slow tests: two of those at once may not fit into the memory
        parts = [["-m", "not slow", *two, *engine], ["-m", "not slow", *two, *alone, *PANEL], [*chosen, *ALONE]]
        if options.full:
            parts += [["-m", "slow", *engine], ["-m", "slow", *alone, *PANEL]]
        codes = []
        for words in parts:
            codes.append(run([python, "-m", "pytest", *words]))
            if codes[-1] == INTERRUPTED:
                break
        return next((code for code in codes if code), 0)
    if options.command == "lint":
        python = environment("test")
        lints = (["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"])
        return max(run([python, "-m", *words]) for words in lints)
    if options.command == "docs":
        os.environ["NO_MKDOCS_2_WARNING"] = "1"  # its versions are pinned
        # not --quiet, which hides warnings from --strict, too
        code = run([environment("docs"), "-m", "mkdocs", "build", "--strict", "--clean"])
        say("The pages are broken: see above." if code else "Open site/index.html. Links to elsewhere: "
            "site/external_links.txt (listed, not visited).")  # fmt: skip
        return code
    if options.command == "train":
        return run([environment("test"), "Testing/demo_training", "train", *(rest or ["--out", "demo_training"])])
    if options.command == "enter":
        return run([environment("test"), "Testing/benchmarks/known/enter.py", *rest])
    if "--gpu" in rest:
        words = [word for word in rest if word not in ("--gpu", "--own-python")]
        python = sys.executable if "--own-python" in rest else environment("test")
        return run([python, "Testing/benchmarks/gpu", *words])
    return run([environment("test"), "Testing/benchmarks/run.py", *rest])


def environment(kind: str) -> str:
    """The Python of the virtual environment, made and filled where that is still to be done."""
    if not (3, 11) <= sys.version_info[:2] <= (3, 12):
        fail(f"Python 3.11 or 3.12 is needed (Slicer embeds 3.12), this is {sys.version.split()[0]}.")
    folder = Path(os.environ.get("SEGHIRESCAM_VENV", ROOT / ".venv"))
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        say(f"Making a virtual environment in {folder}.")
        venv.create(folder, with_pip=True, clear=folder.exists())
    if kind != "docs":
        install(python, folder, "torch", torch_command())
    constraints = str(ROOT / "requirements" / "constraints.txt")
    install(python, folder, kind, ["-r", str(ROOT / "requirements" / f"{kind}.txt"), "-c", constraints])
    if kind == "test":
        install(python, folder, "models", ["--no-deps", "-r", str(ROOT / "requirements" / "models.txt")])
    return str(python)


def torch_command() -> list[str]:
    """torch goes first and alone: any other order or range may pull gigabytes of CUDA packages."""
    index = os.environ.get("SEGHIRESCAM_TORCH_INDEX")
    return [TORCH, *(["--index-url", index] if index else [])]


def install(python: Path, folder: Path, kind: str, words: list[str]) -> None:
    """pip install, once for each state of the requirement files; a broken-off install is done again."""
    stamp = folder / f".installed-{kind}"
    files = [path.read_text() for path in sorted((ROOT / "requirements").glob("*.txt"))]
    wanted = hashlib.sha256("\n".join([*words[:1], *files] if kind != "torch" else words).encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    what, download, disk = SIZES[kind]
    say(f"Installing {what}: about {download} MB to download, {disk} MB on disk. This is done once.")
    if kind == "torch" and sys.platform == "linux" and not os.environ.get("SEGHIRESCAM_TORCH_INDEX"):
        say("(PyPI's Linux build of torch may bring about 3 GB of CUDA packages; without an NVIDIA GPU set")
        say(" SEGHIRESCAM_TORCH_INDEX to PyTorch's CPU index to avoid that.)")
    started = time.monotonic()
    code = subprocess.call(
        [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "on", *words], cwd=ROOT
    )
    if code:
        fail(f"pip could not install {what}. The message above says why; run the command again to go on.", code)
    stamp.write_text(wanted)
    say(f"Installed in {time.monotonic() - started:.0f} s.")


def slicer_folder(python: Path, version: str) -> str:
    """A folder with that slicer-core and the VTK it pins, which goes before the environment's own."""
    folder = python.parents[1] / f"slicer-core-{version}"
    if not (folder / ".installed").exists():
        say(f"Installing slicer-core {version} and its VTK into {folder.name}: about 190 MB to download. Done once.")
        into = [
            str(python),
            "-m",
            "pip",
            "install",
            "--disable-pip-version-check",
            "--no-deps",
            "--target",
            str(folder),
        ]
        if subprocess.call([*into, "--upgrade", f"slicer-core=={version}"], cwd=ROOT):
            fail(f"pip could not install slicer-core {version}. The message above says why.")
        if subprocess.call([*into, "--upgrade", *pins_of(folder, "slicer-core")], cwd=ROOT):
            fail("pip could not install its VTK. The message above says why.")
        (folder / ".installed").touch()
    return str(folder)


def pins_of(folder: Path, name: str) -> list[str]:
    """What an installed distribution requires, e.g. ["vtk==9.6.0"], without extras."""
    (found,) = importlib.metadata.distributions(name=name, path=[str(folder)])
    return [requirement for requirement in found.requires or () if "extra ==" not in requirement]


def run(words: list[str], first: Sequence[str] = ()) -> int:
    """Run in the repository with both buildings on the path; Ctrl-C ends the child and is no error of ours."""
    paths = [str(ROOT / "SegHiResGradCAM"), str(ROOT / "Testing"), *first]
    kept = os.environ.get("PYTHONPATH")
    child = os.environ | {"PYTHONPATH": os.pathsep.join([*paths, *([kept] if kept else [])]), "PYTHONUNBUFFERED": "1"}
    try:
        return subprocess.call(words, cwd=ROOT, env=child)
    except KeyboardInterrupt:
        return INTERRUPTED


def say(text: str) -> None:
    print(f"[dev] {text}", flush=True)


def fail(text: str, code: int = 1) -> None:
    print(f"[dev] {text}", file=sys.stderr, flush=True)
    sys.exit(code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
