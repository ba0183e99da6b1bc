"""PythonQt's manners over PySide6's classes.

In Slicer Qt is reached through PythonQt, whose rules differ from PySide's: properties are attributes, signals are
connected by signature, unknown attributes raise.  :func:`apply` changes PySide6's classes in this process to follow
them.  Where PythonQt is silent about a mistake (a misspelt signal only returns False) this layer raises instead.
"""

from functools import cache

from . import attributes, methods, signals


@cache
def apply():
    """Changes every QObject class of QtCore, QtGui, QtWidgets and QtUiTools; once for each process."""
    classes = methods.qobjectClasses()
    signals.apply(classes)
    attributes.apply(classes)
    methods.apply()
