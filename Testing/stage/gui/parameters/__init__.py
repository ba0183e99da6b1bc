"""``slicer.parameterNodeWrapper``: a small version of our own.

Types: bool, int, float, str, pathlib paths, Enum, MRML nodes; annotations: WithinRange, Minimum, Maximum, Choice,
Exclude, NotNone, IsInstance, Default, Decimals, SingleStep.  Anything else raises NotImplementedError.  The text it
writes into the real vtkMRMLScriptedModuleNode is the text Slicer's wrapper writes.
"""

from .annotations import (
    Choice,
    Decimals,
    Default,
    Exclude,
    IsInstance,
    Maximum,
    Minimum,
    NotNone,
    SingleStep,
    Validator,
    WithinRange,
)
from .wrapper import isParameterNodeWrapper, parameterNodeWrapper

__all__ = [
    "Choice",
    "Decimals",
    "Default",
    "Exclude",
    "IsInstance",
    "Maximum",
    "Minimum",
    "NotNone",
    "SingleStep",
    "Validator",
    "WithinRange",
    "isParameterNodeWrapper",
    "parameterNodeWrapper",
]
