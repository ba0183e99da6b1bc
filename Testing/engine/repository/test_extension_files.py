"""The extension around the module: description files equal to the facts and the tree, and complete when installed."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
MODULE = ROOT / "SegHiResGradCAM"
sys.path.insert(0, str(ROOT / "tools"))

import check_extension  # noqa: E402
import extension_facts as facts  # noqa: E402
import extension_files  # noqa: E402
import source_checks  # noqa: E402
from module_files import is_packaged, listed  # noqa: E402
from write_extension_files import main as write_extension_files  # noqa: E402

AGAIN = "Write them again:  python3 tools/write_extension_files.py"


@pytest.fixture
def cmake():
    return (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")


@pytest.fixture
def packaged():
    text = (MODULE / "CMakeLists.txt").read_text(encoding="utf-8")
    return listed(text, "MODULE_PYTHON_SCRIPTS"), listed(text, "MODULE_PYTHON_RESOURCES")


@pytest.fixture
def installed(tmp_path, packaged):
    """What Slicer's packaging makes of the lists: one folder on sys.path, relative paths kept, and nothing else."""
    folder = tmp_path / "Slicer-5.12 extensions" / "qt-scripted-modules"
    for name in [*packaged[0], *packaged[1]]:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(MODULE / name, target)
    return folder


def run(words, folder):
    """A Python in which the installed folder is all there is beside site-packages, started from another folder."""
    command = [sys.executable, *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, env=only(folder), cwd=folder.parent)


def only(folder):
    """The environment with nothing but this folder on Python's path."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return kept | {"PYTHONPATH": str(folder), "PYTHONUTF8": "1"}


# ---- the files on disk


def test_the_files_are_what_the_facts_and_the_tree_say(capsys):
    assert write_extension_files(["--check"]) == 0, f"{capsys.readouterr().out}\n{AGAIN}"


def test_a_stale_file_is_found_shown_and_written_again(tmp_path, capsys):
    (tmp_path / "SegHiResGradCAM").mkdir()
    module = tmp_path / "SegHiResGradCAM" / "SegHiResGradCAM.py"
    module.touch()
    where = ["--root", str(tmp_path)]
    assert write_extension_files(where) == 0
    assert write_extension_files(["--check", *where]) == 0
    module.with_name("notes.ui").touch()
    capsys.readouterr()
    assert write_extension_files(["--check", *where]) == 1
    said = capsys.readouterr().out
    assert "+  notes.ui" in said and "python3 tools/write_extension_files.py" in said
    assert write_extension_files(where) == 0
    assert write_extension_files(["--check", *where]) == 0


def test_every_file_of_the_repository_is_listed_and_every_listed_file_exists(packaged):
    names = [name for name in check_extension.tracked(ROOT) if (ROOT / name).exists()]
    below = [name.removeprefix("SegHiResGradCAM/") for name in names if name.startswith("SegHiResGradCAM/")]
    wanted = sorted(name for name in below if is_packaged(name))
    assert sorted([*packaged[0], *packaged[1]]) == wanted, AGAIN
    assert all(name.endswith(".py") for name in packaged[0])
    assert not any(name.endswith(".py") for name in packaged[1])
    assert all((MODULE / name).is_file() for name in wanted)


def test_what_stays_out_of_the_package_is_known():
    for name in ("CMakeLists.txt", "Testing/x.py", ".ruff_cache/x", "a/b.pyc"):
        assert not is_packaged(name), name
    for name in ("SegHiResGradCAM.py", "Resources/UI/SegHiResGradCAM.ui", "seghirescam/demo/case.seg.nrrd"):
        assert is_packaged(name), name


def test_each_self_test_is_registered():
    text = (ROOT / "Testing" / "Python" / "CMakeLists.txt").read_text(encoding="utf-8")
    names = sorted(path.name for path in (ROOT / "Testing" / "Python").glob("*Test.py"))
    assert re.findall(r"slicer_add_python_unittest\(SCRIPT (\S+)\)", text) == names, AGAIN


# ---- one set of facts


def test_cmake_s4ext_and_json_agree(cmake):
    entry = json.loads((ROOT / f"{facts.NAME}.json").read_text(encoding="utf-8"))
    lines = (ROOT / f"{facts.NAME}.s4ext").read_text(encoding="utf-8").splitlines()
    s4ext = dict(line.split(" ", 1) for line in lines if not line.startswith("#"))
    variables = dict(re.findall(r'^set\(EXTENSION_(\w+) "([^"]*)"\)$', cmake, re.MULTILINE))
    for variable, key in (
        ("HOMEPAGE", "homepage"),
        ("CONTRIBUTORS", "contributors"),
        ("DESCRIPTION", "description"),
        ("ICONURL", "iconurl"),
        ("SCREENSHOTURLS", "screenshoturls"),
        ("DEPENDS", "depends"),
        ("KEYWORDS", "keywords"),
    ):
        assert variables[variable] == s4ext[key], variable
    assert entry["scm_url"] == s4ext["scmurl"] == variables["HOMEPAGE"]
    assert entry["category"] == s4ext["category"] == "Segmentation"
    assert str(entry["tier"]) == s4ext["tier"] == "3"
    assert " ".join(entry["build_dependencies"]) == s4ext["depends"] == "PyTorch"
    assert entry["scm_revision"] == s4ext["scmrevision"]


def test_the_base_address_is_written_in_one_place():
    words = "github.com/OWNER", "githubusercontent.com/OWNER"
    written = {"CMakeLists.txt", f"{facts.NAME}.s4ext", f"{facts.NAME}.json", extension_files.ABOUT}
    for name in check_extension.tracked(ROOT):
        path = ROOT / name
        if name in written or not path.is_file() or path == Path(__file__) or path.suffix in {".png", ".nrrd"}:
            continue
        text = path.read_bytes().decode("utf-8", "ignore")
        assert not any(word in text for word in words), name
    assert (ROOT / "tools" / "extension_facts.py").read_text(encoding="utf-8").count('OWNER = "OWNER"') == 1


def test_the_licence_is_the_wheel_s_and_the_file_exists(cmake):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["license"] == facts.LICENCE and project["license-files"] == [facts.LICENCE_FILE]
    for variable in ("LICENSE_FILE", "README_FILE"):
        (name,) = re.findall(rf'set\(EXTENSION_{variable} "\$\{{CMAKE_CURRENT_SOURCE_DIR\}}/(\S+)"\)', cmake)
        assert (ROOT / name).is_file()


def test_the_top_level_file_keeps_slicer_s_order(cmake):
    order = ["cmake_minimum_required", "project(", "set(EXTENSION_HOMEPAGE", "find_package(Slicer REQUIRED)"]
    order += ["include(${Slicer_USE_FILE})", "add_subdirectory(SegHiResGradCAM)", "## NEXT_MODULE"]
    order += ["include(${Slicer_EXTENSION_GENERATE_CONFIG})", "include(${Slicer_EXTENSION_CPACK})"]
    places = [cmake.index(word) for word in order]
    assert places == sorted(places)
    assert not set(";\\\n") & set(facts.DESCRIPTION + facts.CONTRIBUTORS)


# ---- the index's checks


def test_the_index_s_checks_pass_and_those_that_need_the_network_say_so(capsys):
    code = check_extension.main([])
    lines = capsys.readouterr().out.splitlines()
    assert code == 0, "\n".join(line for line in lines if line.startswith("FAILED"))
    skipped = [line for line in lines if line.startswith("not run") and "needs the network" in line]
    assert [re.search(r"not run +(\d+) ", line).group(1) for line in skipped] == ["7", "8", "9", "12", "13"]


@pytest.mark.parametrize(
    ("name", "old", "new", "what"),
    [
        ("SegHiResGradCAM.json", '"tier": 3', '"tier": 6', "schema"),
        ("SegHiResGradCAM.json", '"tier"', '"rank"', "schema"),
        ("SegHiResGradCAM.json", "\n", "\r\n", "LF line ends"),
        ("SegHiResGradCAM.json", '"Segmentation"', '"Explainability"', "category"),
        ("SegHiResGradCAM.json", "https://github.com", "ssh://github.com", "4 scm_url"),
        ("SegHiResGradCAM.json", "/SlicerSeg", "/Seg", "repository name"),
        ("SegHiResGradCAM.json", '"PyTorch"', '"NNUNet"', "agree"),
        ("CMakeLists.txt", "project(SegHiResGradCAM)", "project(SlicerSegHiResGradCAM)", "project"),
        ("CMakeLists.txt", "/main/", "/blob/", "addresses"),
        ("CMakeLists.txt", "set(EXTENSION_ICONURL", "set(ICONURL", "addresses"),
        ("CMakeLists.txt", "Icons/SegHiResGradCAM.png", "Icons/Missing.png", "addresses"),
        ("LICENSE.txt", None, None, "licence file"),
    ],
)
def test_each_offline_check_finds_its_fault(tmp_path, capsys, name, old, new, what):
    for file in ("SegHiResGradCAM.json", "CMakeLists.txt", "LICENSE.txt", "README.md"):
        shutil.copy(ROOT / file, tmp_path / file)
    if old is None:
        (tmp_path / name).unlink()
    else:
        text = (tmp_path / name).read_bytes().decode()
        assert old in text
        (tmp_path / name).write_bytes(text.replace(old, new).encode())
    assert check_extension.main(["--root", str(tmp_path)]) == 1
    failed = [line for line in capsys.readouterr().out.splitlines() if line.startswith("FAILED")]
    assert any(what in line for line in failed), failed


def test_the_source_checks_find_what_reviewers_would(tmp_path):
    library, engine = tmp_path / "SegHiResGradCAMLib", tmp_path / "seghirescam"
    library.mkdir()
    engine.mkdir()
    (library / "__init__.py").write_text("from seghirescam.near import x\n", encoding="utf-8")
    (library / "Bad.py").write_text(
        "import numpy, qt, slicer\nprint('hello')\n"
        "def install():\n    slicer.util.pip_install('torch>=2.10')\n    import requests\n    import monai\n"
        "if True:\n    import pandas\n"
    )
    (library / "Good.py").write_text(
        '"""Text."""\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch\n'
        "X = 1\nclass A:\n    y = X\n"
        "def install():\n    command = ['-m', 'light_the_torch', 'install', 'torch']\n"
    )
    (engine / "__init__.py").write_text("", encoding="utf-8")
    (engine / "near.py").write_text("import torch\nx = 1\n", encoding="utf-8")
    (engine / "far.py").write_text("import torch\n", encoding="utf-8")
    assert [text.replace("\\", "/") for text in source_checks.foreign_imports(tmp_path)] == [
        "SegHiResGradCAMLib/Bad.py imports pandas",
        "seghirescam/near.py imports torch",
    ]
    assert [text.split(" ", 1)[1] for text in source_checks.code_at_file_scope(tmp_path)] == ["runs code on import"] * 2
    assert len(source_checks.torch_by_pip(tmp_path)) == 1
    assert len(source_checks.network_imports(tmp_path)) == 1


# ---- installed


def test_the_installed_engine_starts_from_the_listed_files_alone(installed):
    done = run(["-c", "import seghirescam.protocol.explanation, seghirescam; print(seghirescam.__file__)"], installed)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()) == installed / "seghirescam" / "__init__.py"


def test_every_installed_engine_file_can_be_imported(installed, packaged):
    names = [name[:-3].replace("/", ".").removesuffix(".__init__") for name in packaged[0]]
    engine = [name for name in names if name.startswith("seghirescam") and not name.endswith("__main__")]
    code = f"import importlib\nfor name in {engine!r}: importlib.import_module(name)"
    done = run(["-c", code], installed)
    assert done.returncode == 0, done.stderr


def test_the_installed_worker_says_hello_and_ends_with_its_stdin(installed):
    command = [sys.executable, "-u", "-m", "seghirescam.worker"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=only(installed), cwd=installed.parent, **pipes) as worker:
        alarm = threading.Timer(240, worker.kill)
        alarm.start()
        messages = (json.loads(line) for line in worker.stdout)
        hello = next(message["hello"] for message in messages if "hello" in message)
        worker.stdin.close()
        assert worker.wait(timeout=60) == 0
        alarm.cancel()
    assert Path(hello["file"]) == installed / "seghirescam" / "__init__.py"


def test_the_installed_demo_network_opens(installed):
    if not (installed / "seghirescam" / "demo" / "honest.safetensors").exists():
        pytest.skip("the demo networks have not been trained yet")
    code = "from seghirescam.models import open_model; print(open_model('demo:honest').title)"
    done = run(["-c", code], installed)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "honest"


def test_the_cmake_files_configure_and_install_exactly_the_lists(tmp_path, packaged):
    """With a stand-in for the three things of Slicer that they use; never tested in Slicer's own build here."""
    if not shutil.which("cmake") or not (shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")):
        pytest.skip("needs cmake and a C++ compiler, which project() looks for")
    source, slicer, build, prefix = (tmp_path / name for name in ("source", "slicer", "build", "prefix"))
    for name in ("CMakeLists.txt", "SegHiResGradCAM/CMakeLists.txt", "Testing/CMakeLists.txt"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        text = (ROOT / name).read_text(encoding="utf-8")
        text = re.sub(r"cmake_minimum_required\(.*\)", "cmake_minimum_required(VERSION 3.16)", text)
        (source / name).write_text(text, encoding="utf-8")
    shutil.copytree(ROOT / "Testing" / "Python", source / "Testing" / "Python")
    for name in [*packaged[0], *packaged[1]]:
        (source / "SegHiResGradCAM" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(MODULE / name, source / "SegHiResGradCAM" / name)
    slicer.mkdir()
    (slicer / "SlicerConfig.cmake").write_text(STAND_IN, encoding="utf-8")
    (slicer / "empty.cmake").touch()
    for command in (
        ["cmake", "-S", source, "-B", build, f"-DSlicer_DIR={slicer}", "-DBUILD_TESTING=ON"],
        ["cmake", "--install", build, "--prefix", prefix],
    ):
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
    found = sorted(path.relative_to(prefix).as_posix() for path in prefix.rglob("*") if path.is_file())
    assert found == sorted([*packaged[0], *packaged[1]])


#: as CMake/SlicerMacroBuildScriptedModule.cmake: unknown words and missing files are fatal, relative paths are kept
STAND_IN = r"""
set(Slicer_USE_FILE ${CMAKE_CURRENT_LIST_DIR}/empty.cmake)
set(Slicer_EXTENSION_GENERATE_CONFIG ${CMAKE_CURRENT_LIST_DIR}/empty.cmake)
set(Slicer_EXTENSION_CPACK ${CMAKE_CURRENT_LIST_DIR}/empty.cmake)
macro(slicerMacroBuildScriptedModule)
  cmake_parse_arguments(MY "WITH_GENERIC_TESTS;WITH_SUBDIR;VERBOSE" "NAME" "SCRIPTS;RESOURCES" ${ARGN})
  if(MY_UNPARSED_ARGUMENTS OR NOT MY_NAME)
    message(FATAL_ERROR "slicerMacroBuildScriptedModule: '${MY_UNPARSED_ARGUMENTS}' NAME '${MY_NAME}'")
  endif()
  foreach(file ${MY_SCRIPTS} ${MY_RESOURCES})
    if(NOT EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${file})
      message(FATAL_ERROR "nonexistent file '${file}'")
    endif()
    get_filename_component(folder ${file} PATH)
    install(FILES ${file} DESTINATION ./${folder})
  endforeach()
endmacro()
macro(slicer_add_python_unittest)
  cmake_parse_arguments(MY "" "TESTNAME_PREFIX;SCRIPT" "SLICER_ARGS" ${ARGN})
  if(NOT EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${MY_SCRIPT})
    message(FATAL_ERROR "nonexistent test '${MY_SCRIPT}'")
  endif()
endmacro()
"""
