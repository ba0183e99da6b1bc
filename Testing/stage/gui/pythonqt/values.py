"""Values on their way between Qt and Python, as PythonQt turns them."""

from __future__ import annotations

import math

_INTEGERS = {"int", "uint", "short", "ushort", "long", "ulong", "qlonglong", "qulonglong", "uchar", "char"}


def toPythonQt(value):
    """Lists come back as tuples."""
    return tuple(value) if isinstance(value, list) else value


def toProperty(value, typeName: str, isEnum: bool, what: str):
    """The value for a property of that C++ type, or AttributeError."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if typeName in _INTEGERS or isEnum:
        if isinstance(value, bool) or (number and math.isfinite(value)):
            return int(value)
    elif typeName in ("double", "float"):
        if isinstance(value, (int, float)):
            return float(value)
    elif typeName == "bool":
        if isinstance(value, (bool, int)):
            return bool(value)
    elif typeName == "QString":
        if isinstance(value, str):
            return value
        if isinstance(value, (int, float)):
            return str(value)
    elif typeName == "QStringList":
        if isinstance(value, (list, tuple)) and all(isinstance(word, str) for word in value):
            return list(value)
    else:
        return value
    raise AttributeError(f"{what} is a {typeName}: {value!r} cannot be assigned")
