import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "SegHiResGradCAM" / "SegHiResGradCAMLib"


def run(script):
    # without PYTHONPATH: where Testing is on it, the wheel would import our tests (see stage/__init__.py)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-c", script]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, cwd=ROOT)


def test_the_slicer_building_loads_neither_torch_nor_qt_nor_scipy():
    script = f"""
import sys
sys.path.insert(0, {str(LIBRARY.parent)!r})
import SegHiResGradCAMLib
assert SegHiResGradCAMLib.__file__.startswith({str(LIBRARY)!r})
loaded = {{name.split('.')[0] for name in sys.modules}}
print(sorted(loaded & {{'torch', 'qt', 'ctk', 'PySide6', 'scipy'}}))
"""
    done = run(script)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_no_file_names_torch_or_qt():
    for file in LIBRARY.rglob("*.py"):
        for line in file.read_text(encoding="utf-8").splitlines():
            words = line.split()
            assert not (words[:1] in (["import"], ["from"]) and words[1].split(".")[0] in ("torch", "qt", "ctk")), file


def test_files_stay_short_and_hold_no_star_import():
    for file in [*LIBRARY.rglob("*.py"), *(ROOT / "Testing" / "stage").glob("*.py")]:
        text = file.read_text(encoding="utf-8")
        assert len(text.splitlines()) < 300, file
        assert "import *" not in text, file


def test_the_stage_keeps_our_tests_out_of_the_slicer_package():
    script = f"""
import sys
sys.path.insert(0, {str(ROOT / "Testing")!r})
import stage, slicer
print([name for name in sys.modules if name.startswith('slicer.') and ('test' in name or 'conftest' in name)])
"""
    done = run(script)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_rooms_stay_small_and_no_two_files_share_a_name():
    files = [file for file in LIBRARY.rglob("*.py") if file.name != "__init__.py"]
    assert len({file.name for file in files}) == len(files)
    for room in {file.parent for file in files}:
        assert len(list(room.glob("*.py"))) <= 20, room


def test_the_code_compiles_for_the_python_inside_slicer():
    for file in LIBRARY.rglob("*.py"):
        compile(file.read_text(encoding="utf-8"), str(file), "exec", dont_inherit=True)
