"""The GUI stage: a module's real Widget class, offscreen, without the Slicer application.

What is real: the module file and its .ui, Slicer's MRML classes (wheel ``slicer-core``), Qt's widgets, events and
event loop (PySide6).  What is not: PythonQt (a layer over PySide6 that follows its rules), the ctk and qMRML widgets
(stand-ins), slicer.app, what the application core does behind a module's back (core.py), the parameter node wrapper
and the base classes (our own short versions).  What passes here
has been run on that, not in 3D Slicer, and may not be reported as if it had.

Importing this package changes PySide6's classes for the whole process and puts ``qt``, ``ctk`` and some ``slicer.*``
modules into ``sys.modules``.  Code that uses only MRML does not notice.

    loaded = loadModule("SegHiResGradCAM/SegHiResGradCAM.py")
    widget = loaded.widget()
    click(widget.ui.applyButton)
    events.waitUntil(lambda: widget.ui.progressBar.value == 100)
    screenshot(widget, "panel.png")
    loaded.close()
"""

import stage  # noqa: F401  before anything imports vtk or slicer

# isort: split
from . import application as application

# isort: split
from .injection import inject

inject()

from . import acting as acting  # noqa: E402
from . import core as core  # noqa: E402
from . import events as events  # noqa: E402
from . import failures as failures  # noqa: E402
from .acting import choose, click, screenshot, typeText  # noqa: E402
from .failures import StageError  # noqa: E402
from .loader import LoadedModule, closeModules, loadModule  # noqa: E402

__all__ = [
    "LoadedModule",
    "StageError",
    "choose",
    "click",
    "closeModules",
    "core",
    "events",
    "failures",
    "loadModule",
    "screenshot",
    "typeText",
]
