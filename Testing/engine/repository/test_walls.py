"""The two buildings and the corridor: who may import whom."""

import subprocess
import sys
from pathlib import Path

import seghirescam

ROOT = Path(__file__).parents[3]


def loaded_by(statement):
    code = f"import sys; {statement}; print('\\n'.join(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT / "SegHiResGradCAM"
    )
    return {name.split(".")[0] for name in done.stdout.split()}


def test_the_package_under_test_is_the_one_in_this_tree():
    assert Path(seghirescam.__file__) == ROOT / "SegHiResGradCAM" / "seghirescam" / "__init__.py"


def test_the_corridor_loads_neither_torch_nor_scipy_nor_slicer():
    for statement in (
        "import seghirescam",
        "import seghirescam.protocol.explanation, seghirescam.protocol.grid, seghirescam.protocol.display.thresholds",
        "import seghirescam.models; seghirescam.models.recognise('demo:honest')",
        "import seghirescam.protocol.recipes",
    ):
        assert not loaded_by(statement) & {"torch", "scipy", "slicer", "vtk", "qt", "SimpleITK", "safetensors"}, (
            statement
        )


def test_the_engine_never_loads_slicer_vtk_or_qt():
    statement = "import seghirescam.session.explain, seghirescam.models.demo_networks.demo_model"
    assert not loaded_by(statement) & {"slicer", "vtk", "qt", "PySide6"}


def test_the_slicer_building_never_loads_torch_or_qt():
    library = ROOT / "SegHiResGradCAM" / "SegHiResGradCAMLib"
    files = sorted(path.relative_to(library.parent).with_suffix("") for path in library.rglob("*.py"))
    names = [".".join(path.parts) for path in files if path.stem != "__init__"]
    statement = "; ".join(f"import {name}" for name in names)
    assert names and not loaded_by(statement) & {"torch", "qt", "PySide6", "ctk"}


def test_the_method_knows_no_file_no_model_format_and_no_patient():
    for path in (ROOT / "SegHiResGradCAM" / "seghirescam" / "cam").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for wall in ("from ..models", "from ...models", "protocol.image", "protocol.explanation", "import SimpleITK"):
            assert wall not in text, f"{path.name}: {wall}"
