"""Values as text in the parameter node, as Slicer writes them."""

from __future__ import annotations

import enum
import pathlib

import slicer

from .annotations import IsInstance, NotNone


class TextOf:
    """One type's text; ``default`` is what Slicer writes if the class gives none."""

    def __init__(self, kind, default, write, read, accepted=None, optional=False):
        self.default, self._write, self._read = default, write, read
        self.validators = [*([] if optional else [NotNone()]), IsInstance(accepted or kind)]

    def isIn(self, node, name):
        return node.HasParameter(name)

    def write(self, node, name, value):
        node.SetParameter(name, self._write(value))

    def read(self, node, name):
        return self._read(node.GetParameter(name))


class NodeReference(TextOf):
    """A node: an empty text, and a node reference of the same name."""

    def __init__(self, kind):
        super().__init__(kind, None, None, None, optional=True)

    def write(self, node, name, value):
        node.SetParameter(name, "")
        node.SetNodeReferenceID(name, None if value is None else value.GetID())

    def read(self, node, name):
        return node.GetNodeReference(name)


def textOf(kind) -> TextOf:
    """How values of that type are written; NotImplementedError for types this version does not have."""
    if kind is bool:
        return TextOf(bool, False, lambda value: "True" if value else "False", lambda text: text == "True")
    if kind is int:
        return TextOf(int, 0, str, int)
    if kind is float:
        return TextOf(float, 0, str, float, accepted=(int, float))
    if kind is str:
        return TextOf(str, "", str, str)
    if isinstance(kind, type) and issubclass(kind, pathlib.PurePath):
        return TextOf(kind, kind(), str, kind)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return TextOf(kind, next(iter(kind)), lambda value: value.name, lambda text: _member(kind, text), optional=True)
    if isinstance(kind, type) and issubclass(kind, slicer.vtkMRMLNode):
        return NodeReference(kind)
    raise NotImplementedError(f"the stage's parameterNodeWrapper has no type {kind}")


def _member(kind, text):
    try:
        return kind[text]
    except KeyError:
        raise ValueError(f"{text!r} in the parameter node is no name in {kind!r}") from None
