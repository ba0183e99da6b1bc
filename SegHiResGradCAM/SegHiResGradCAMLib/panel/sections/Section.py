"""What a small section of the panel consists of, as plain values: a head line to open, and controls below it."""

from __future__ import annotations

from dataclasses import dataclass

#: where a section stands: within Result, or below it, where it needs no map
IN_RESULT, BELOW = "resultSections", "panelSections"


@dataclass(frozen=True)
class Control:
    """A control of Qt's. name: as Controls knows it.  kind: its class, QPushButton, QCheckBox, QComboBox, QLabel,
    QLineEdit, QSpinBox, QTableWidget.  A label wraps, and is hidden while it has nothing to say."""

    name: str
    kind: str
    text: str = ""
    tip: str = ""


@dataclass(frozen=True)
class Section:
    """name: of the section as a control, which a view may hide.  rows: from top to bottom, the controls of each from
    left to right.  place: IN_RESULT or BELOW.  It is collapsed until the user opens it."""

    name: str
    title: str
    rows: tuple[tuple[Control, ...], ...]
    place: str = IN_RESULT
