"""The decorator ``@parameterNodeWrapper``."""

from __future__ import annotations

import typing
import weakref

import qt
import vtk

import slicer

from .annotations import Default, Validator
from .connectors import Connector, createConnector
from .texts import textOf

PROPERTY = "SlicerParameterName"


class _Parameter:
    """A typed field: a Python property whose value lives as text in the parameter node."""

    def __init__(self, name, annotated, default):
        kind, annotations = annotated, ()
        if typing.get_origin(annotated) is typing.Annotated:
            kind, *annotations = typing.get_args(annotated)
        self.name, self.kind, self.unalteredType, self.annotations = name, kind, annotated, tuple(annotations)
        self.text = textOf(kind)
        self.validators = [*self.text.validators, *(word for word in annotations if isinstance(word, Validator))]
        declared = next((word for word in annotations if isinstance(word, Default)), None)
        self.default = default or declared or Default(self.text.default)

    def __get__(self, wrapper, owner=None):
        if wrapper is None:
            return self
        return wrapper._cache[self.name]

    def __set__(self, wrapper, value):
        for validator in self.validators:
            validator.validate(value)
        with slicer.util.NodeModify(wrapper.parameterNode):
            self.text.write(wrapper.parameterNode, self.name, value)
            # read back before any observer is called: it may ask for the new value
            wrapper._cache[self.name] = self.text.read(wrapper.parameterNode, self.name)

    def read(self, wrapper):
        """The value from the node's text; a missing text gets the default."""
        if not self.text.isIn(wrapper.parameterNode, self.name):
            self.__set__(wrapper, self.default.value)
        return self.text.read(wrapper.parameterNode, self.name)


class _Wrapper:
    """What the decorator adds to a class."""

    allParameters: dict[str, _Parameter]
    _is_parameter_node_wrapper = True

    def __init__(self, parameterNode):
        self.parameterNode = parameterNode
        self._connected, self._nextTag, self._updating = {}, 0, False
        # as in Slicer: values are kept, and each is read again by an observer of its own when the node is modified.
        # VTK calls the very first observer of an object last: other observers may still see that field's old value
        self._cache = {}
        for parameter in self.allParameters.values():
            self._cache[parameter.name] = parameter.read(self)
            tag = parameterNode.AddObserver(vtk.vtkCommand.ModifiedEvent, _reader(weakref.ref(self), parameter))
            weakref.finalize(self, parameterNode.RemoveObserver, tag).atexit = False

    def default(self, name):
        return self._known(name).default

    def dataType(self, name):
        return self._known(name).unalteredType

    def isCached(self, name):
        return self._known(name) is not None

    def getValue(self, name):
        self._known(name)
        return getattr(self, name)

    def setValue(self, name, value):
        self._known(name)
        setattr(self, name, value)

    def _known(self, name):
        if name not in self.allParameters:
            raise ValueError(f"Cannot find a param with the given name: {name}; there are {list(self.allParameters)}")
        return self.allParameters[name]

    def connectGui(self, gui):
        """Binds every widget (of a widget's children, or of ``self.ui``) that has a SlicerParameterName."""
        isWidget = getattr(gui, "isWidgetType", lambda: False)()
        widgets = gui.findChildren(qt.QWidget) if isWidget else gui.__dict__.values()
        found = [(w.property(PROPERTY), w) for w in widgets]
        return self.connectParametersToGui({name: widget for name, widget in found if name})

    def connectParametersToGui(self, mapping):
        connectors = {}
        for name, widget in mapping.items():
            parameter = self._known(name)
            made = isinstance(widget, Connector)
            connectors[name] = widget if made else createConnector(widget, parameter.kind, parameter.annotations)
        tag, self._nextTag = self._nextTag, self._nextTag + 1
        for name, connector in connectors.items():
            connector.write(self.getValue(name))
            connector.onChanged(self._writer(name, connector))
        observer = self.parameterNode.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda caller, event: self._updateGui())
        self._connected[tag] = (connectors, observer)
        return tag

    def disconnectGui(self, tag):
        if tag in self._connected:
            connectors, observer = self._connected.pop(tag)
            self.parameterNode.RemoveObserver(observer)
            for connector in connectors.values():
                connector.onChanged(None)

    def _writer(self, name, connector):
        def write():
            if not self._updating:
                self.setValue(name, connector.read())

        return write

    def _updateGui(self):
        if self._updating:
            return
        self._updating = True
        try:
            with slicer.util.NodeModify(self.parameterNode):
                for connectors, _observer in self._connected.values():
                    for name, connector in connectors.items():
                        connector.write(self.getValue(name))
        finally:
            self._updating = False

    def StartModify(self):
        return self.parameterNode.StartModify()

    def EndModify(self, wasModified):
        return self.parameterNode.EndModify(wasModified)

    def AddObserver(self, event, callback, priority=0.0):
        return self.parameterNode.AddObserver(event, callback, priority)

    def RemoveObserver(self, tag):
        self.parameterNode.RemoveObserver(tag)

    def Modified(self):
        self.parameterNode.Modified()


def _reader(own, parameter):
    def readAgain(caller, event):
        wrapper = own()
        if wrapper is not None:
            wrapper._cache[parameter.name] = parameter.read(wrapper)

    return readAgain


def parameterNodeWrapper(classtype=None):
    """Decorator for a class of typed fields over a vtkMRMLScriptedModuleNode, with or without brackets."""
    return parameterNodeWrapper if classtype is None else _wrap(classtype)


def _wrap(classtype):
    parameters = {}
    for name, annotated in typing.get_type_hints(classtype, include_extras=True).items():
        if hasattr(_Wrapper, name):
            raise ValueError(f"Cannot use reserved name '{name}' in a parameterNodeWrapper")
        default = Default(getattr(classtype, name)) if hasattr(classtype, name) else None
        parameters[name] = _Parameter(name, annotated, default)
        setattr(classtype, name, parameters[name])
    for name, value in vars(_Wrapper).items():
        if name not in ("__module__", "__dict__", "__weakref__", "__doc__", "__annotations__", "allParameters"):
            setattr(classtype, name, value)
    classtype.allParameters = parameters
    return classtype


def isParameterNodeWrapper(classOrObject) -> bool:
    return getattr(classOrObject, "_is_parameter_node_wrapper", False)
