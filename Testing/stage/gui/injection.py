"""Puts the stage's modules where Slicer's Python has them: ``qt``, ``ctk``, ``slicer.*``, ``SampleData``.

Nothing else in the process changes its behaviour by that: the real MRML classes stay as they are, and ``slicer.app``
keeps what :class:`stage.scene.HeadlessScene` gave it.
"""

from __future__ import annotations

import importlib
import sys
from functools import cache

import slicer
from stage.scene import HeadlessScene

from . import application, core, dialogs, pythonqt, qtmodule, standins

_SUBMODULES = {
    "slicer.i18n": "i18n",
    "slicer.packaging": "packaging",
    "slicer.ScriptedLoadableModule": "scripted",
    "slicer.parameterNodeWrapper": "parameters",
    "SampleData": "sampledata",
}


@cache
def inject():
    """Once for each process."""
    application.start()
    pythonqt.apply()
    core.apply()
    dialogs.apply()
    sys.modules["qt"], sys.modules["ctk"] = qtmodule.makeQt(), qtmodule.makeCtk()
    for name, cls in standins.CLASSES.items():
        if name.startswith("q"):
            setattr(slicer, name, cls)
    HeadlessScene.instance()
    from .loader import LoadedModule
    from .slicerapp import Modules, SlicerApplication

    slicer.qSlicerScriptedLoadableModule = LoadedModule
    slicer.app = SlicerApplication()
    slicer.modules = Modules(vars(slicer.modules))
    for name, own in _SUBMODULES.items():
        module = importlib.import_module(f"{__package__}.{own}")
        sys.modules[name] = module
        if name.startswith("slicer."):
            setattr(slicer, name.removeprefix("slicer."), module)
