"""The texts of the extension's description files, from the facts and the tree."""

from __future__ import annotations

import json
from pathlib import Path

import extension_facts as facts
from module_files import MODULE, WRITTEN, scripts_and_resources

_NOTE = "# Written by tools/write_extension_files.py from tools/extension_facts.py and the tree: do not edit by hand.\n"

#: what the module says of itself in Slicer's help
ABOUT = f"{MODULE}/{WRITTEN}"


def texts(root: Path = facts.ROOT) -> dict[str, str]:
    """Path below the root -> what must stand in it."""
    return {
        "CMakeLists.txt": extension_cmake(root),
        f"{facts.NAME}.s4ext": s4ext(root),
        f"{facts.NAME}.json": catalogue_entry(),
        f"{MODULE}/CMakeLists.txt": module_cmake(root),
        ABOUT: about(),
        "Testing/CMakeLists.txt": _NOTE + "add_subdirectory(Python)\n",
        "Testing/Python/CMakeLists.txt": self_tests_cmake(root),
    }


def about() -> str:
    """The facts that the module shows while it runs."""
    return f'''"""Where the extension lives, and who made it."""

{_NOTE}HOMEPAGE = "{facts.HOMEPAGE}"
CONTRIBUTORS = "{facts.CONTRIBUTORS}"  # no tr
'''


def extension_cmake(root: Path) -> str:
    """The top-level CMakeLists.txt; the index reads project, icon and screenshots in it with regular expressions."""
    return f"""{_NOTE}cmake_minimum_required(VERSION 3.28.0...3.28.0 FATAL_ERROR)

project({facts.NAME})

#-----------------------------------------------------------------------------
# Extension meta-information; category and tier stand in {facts.NAME}.json, which goes to the Extensions Index
set(EXTENSION_HOMEPAGE "{facts.HOMEPAGE}")
set(EXTENSION_CONTRIBUTORS "{facts.CONTRIBUTORS}")
set(EXTENSION_DESCRIPTION "{facts.DESCRIPTION}")
set(EXTENSION_ICONURL "{facts.icon_url()}")
set(EXTENSION_SCREENSHOTURLS "{" ".join(facts.screenshot_urls(root))}")
set(EXTENSION_DEPENDS "{" ".join(facts.DEPENDS) or "NA"}")
set(EXTENSION_KEYWORDS "{" ".join(facts.KEYWORDS)}")
set(EXTENSION_LICENSE_FILE "${{CMAKE_CURRENT_SOURCE_DIR}}/{facts.LICENCE_FILE}")
set(EXTENSION_README_FILE "${{CMAKE_CURRENT_SOURCE_DIR}}/{facts.README_FILE}")

#-----------------------------------------------------------------------------
# Extension dependencies
find_package(Slicer REQUIRED)
include(${{Slicer_USE_FILE}})

#-----------------------------------------------------------------------------
# Extension modules
add_subdirectory({MODULE})
if(BUILD_TESTING)
  add_subdirectory(Testing)
endif()
## NEXT_MODULE

#-----------------------------------------------------------------------------
include(${{Slicer_EXTENSION_GENERATE_CONFIG}})
include(${{Slicer_EXTENSION_CPACK}})
"""


def module_cmake(root: Path) -> str:
    """The module's CMakeLists.txt: Python files are copied and byte-compiled, resources copied as they are."""
    scripts, resources = scripts_and_resources(root)
    return f"""{_NOTE}#-----------------------------------------------------------------------------
set(MODULE_NAME {MODULE})

#-----------------------------------------------------------------------------
set(MODULE_PYTHON_SCRIPTS
{_lines(scripts)}
  )

set(MODULE_PYTHON_RESOURCES
{_lines(resources)}
  )

#-----------------------------------------------------------------------------
slicerMacroBuildScriptedModule(
  NAME ${{MODULE_NAME}}
  SCRIPTS ${{MODULE_PYTHON_SCRIPTS}}
  RESOURCES ${{MODULE_PYTHON_RESOURCES}}
  WITH_GENERIC_TESTS
  )

#-----------------------------------------------------------------------------
if(BUILD_TESTING)
  # the test class of the module file
  slicer_add_python_unittest(SCRIPT ${{MODULE_NAME}}.py)
endif()
"""


def self_tests_cmake(root: Path) -> str:
    """Slicer's own self-tests, run by ctest inside the application: each Testing/Python/*Test.py."""
    names = sorted(path.name for path in (root / "Testing" / "Python").glob("*Test.py"))
    return _NOTE + "".join(f"slicer_add_python_unittest(SCRIPT {name})\n" for name in names)


def catalogue_entry() -> str:
    """The entry for the Extensions Index: these keys and no others, keys sorted as its neighbours have them."""
    entry = {
        "$schema": facts.SCHEMA,
        "build_dependencies": list(facts.DEPENDS),
        "build_subdirectory": ".",
        "category": facts.CATEGORY,
        "scm_revision": facts.BRANCH,
        "scm_url": facts.HOMEPAGE,
        "tier": facts.TIER,
    }
    return json.dumps(entry, indent=2) + "\n"


def s4ext(root: Path) -> str:
    """The description file of former times; the index takes only the json, Slicer's build writes its own."""
    values = {
        "scm": "git",
        "scmurl": facts.HOMEPAGE,
        "scmrevision": facts.BRANCH,
        "depends": " ".join(facts.DEPENDS) or "NA",
        "build_subdirectory": ".",
        "homepage": facts.HOMEPAGE,
        "contributors": facts.CONTRIBUTORS,
        "category": facts.CATEGORY,
        "iconurl": facts.icon_url(),
        "status": facts.STATUS,
        "tier": str(facts.TIER),
        "description": facts.DESCRIPTION,
        "screenshoturls": " ".join(facts.screenshot_urls(root)),
        "enabled": "1",
        "keywords": " ".join(facts.KEYWORDS),
    }
    note = "# First word of a line: the keyword; the rest of the line: its value.\n"
    return _NOTE + note + "".join(f"{key} {value}\n" for key, value in values.items())


def _lines(names):
    return "\n".join(f"  {name}" for name in names)
