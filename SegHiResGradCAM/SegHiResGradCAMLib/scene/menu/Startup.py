"""What is registered with Slicer once it has started: the demo case, and a menu entry of segments."""

from __future__ import annotations

from pathlib import Path

import slicer

from ..volumes.SampleDataSources import registerSampleData

#: Slicer takes the class that is called as the file
PLUGIN_FILE = Path(__file__).resolve().parents[3] / "SegHiResGradCAMMenu" / "SegHiResGradCAMSubjectHierarchyPlugin.py"


def atStartup() -> None:
    """Call it when Slicer has started."""
    registerSampleData()
    registerMenu()


def registerMenu() -> None:
    """*Explain this segment* in the tree of the Data module; nothing where there is no such tree."""
    plugin = getattr(slicer, "qSlicerSubjectHierarchyScriptedPlugin", None)
    if plugin is not None and PLUGIN_FILE.exists():
        plugin(None).setPythonSource(str(PLUGIN_FILE))  # the plugin registers itself, and then belongs to the tree
