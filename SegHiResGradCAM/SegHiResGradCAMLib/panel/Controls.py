"""The panel's controls as the features' views use them: each is touched only where it differs."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

from ..setup.Translation import _
from .Option import Option

#: why a button is disabled while something runs
WAIT = _("Wait for what is running, or cancel it.")
_TOOLTIP_ROLE = 3  # Qt::ToolTipRole


class Controls:
    """ui: the controls by name, as slicer.util.childWidgetVariables gives them.  chooseFolder(former, title) -> path.
    qt: Slicer's module, for entries of trees and tables.

    ``filling`` is True while controls are being set: what they signal then was not the user.  What only we set is
    compared with what we set last and never read back: the application may rewrite it (Slicer's tooltips).  All text
    is shown as text, whatever stands in a model, a file or a scene.
    """

    def __init__(self, ui: Any, chooseFolder: Callable[..., str], qt: Any):
        self.ui, self.chooseFolder, self.qt = ui, chooseFolder, qt
        self._written: dict[tuple[str, str], object] = {}
        self._filled: dict[str, tuple] = {}
        self._unseen: dict[str, tuple] = {}  # what lists in closed sections are filled with once these are opened
        self._waiting: set[str] = set()  # the sections whose opening fills them
        self._sections: dict[str, list] = {}
        self.filling = False

    # what the user does

    def byUser(self, action: Callable) -> Callable:
        """The action, for signals that filling a control sends too."""
        return lambda value: None if self.filling else action(value)

    def onChoice(self, name: str, action: Callable[..., object]) -> None:
        """Calls the action with the key of the entry that the user chooses in a list that :meth:`fill` has filled."""
        combo = getattr(self.ui, name)
        combo.connect("activated(int)", lambda index: action(self._filled[name][combo.currentIndex].key))

    def onClick(self, name: str, action: Callable[..., object]) -> None:
        getattr(self.ui, name).connect("clicked()", action)

    def onCheck(self, name: str, action: Callable[..., object]) -> None:
        getattr(self.ui, name).connect("clicked(bool)", action)

    def shortcut(self, keys: str, action: Callable[..., object]) -> None:
        """Keys that do something while the panel is shown."""
        made = self.qt.QShortcut(self.ui.resultSection)
        made.setKey(self.qt.QKeySequence(keys))
        made.connect("activated()", action)

    # what only we set: compared with what was set last

    def isNew(self, name: str, what: str, value: object) -> bool:
        """Whether it was not the last one, which it is from now on."""
        if (name, what) in self._written and self._written[name, what] == value:
            return False
        self._written[name, what] = value
        return True

    def set(self, name: str, what: str, value: object) -> None:
        if self.isNew(name, what, value):
            setattr(getattr(self.ui, name), what, value)

    def show(self, name: str, shown: bool) -> None:
        if self.isNew(name, "visible", shown):
            getattr(self.ui, name).setVisible(shown)

    def say(self, name: str, text: str) -> None:
        """A label that is hidden while it has nothing to say."""
        self.set(name, "text", text)
        self.show(name, bool(text))

    def tip(self, name: str, text: str) -> None:
        self.set(name, "toolTip", asText(text))

    def button(self, name: str, reason: str, tip: str) -> None:
        """reason: why it is disabled, "" if it is not.  tip: what it does."""
        if reason == WAIT and any(not section.enabled for section in self._sectionsOf(name)):
            return  # for a moment, with all that stands there
        self.set(name, "enabled", not reason)
        if reason != WAIT:  # for a moment, of every button at once: the bar and Cancel say it
            self.tip(name, reason or tip)

    # what the user sets too: compared with what is there

    def setUsers(self, name: str, what: str, value: object) -> None:
        control = getattr(self.ui, name)
        if getattr(control, what) != value:
            setattr(control, what, value)

    def slide(self, name: str, value: float) -> None:
        """A slider that goes by whole steps."""
        if abs(getattr(self.ui, name).value - value) > 0.5:
            getattr(self.ui, name).value = value

    def fill(self, name: str, options: tuple[Option, ...], chosen: str, prompt: str = "") -> None:
        """A list's entries and the key of the chosen one. prompt: what stands first while nothing is chosen.

        A list in a closed section is filled when that is opened.
        """
        closed = [section for section in self._sectionsOf(name) if section.collapsed]
        if closed:
            for section in closed:
                if section.objectName not in self._waiting:
                    self._waiting.add(section.objectName)
                    section.connect("contentsCollapsed(bool)", self._sectionOpened)
            self._unseen[name] = (options, chosen, prompt)
            return
        self._unseen.pop(name, None)
        combo = getattr(self.ui, name)
        keys = [option.key for option in options]
        if prompt and chosen not in keys:
            options, keys = (Option("", prompt), *options), ["", *keys]
        former = self._filled.get(name, ())
        if former != options:
            kept = 0 if former != options[: len(former)] else len(former)  # entries are added, or all made anew
            if former and not kept:
                combo.clear()
            combo.addItems([option.text for option in options[kept:]])
            for index, option in enumerate(options[kept:], start=kept):
                if option.tip:
                    combo.setItemData(index, asText(option.tip), _TOOLTIP_ROLE)
            self._filled[name] = options
        self.setUsers(name, "currentIndex", keys.index(chosen) if chosen in keys else 0 if keys else -1)

    def _sectionsOf(self, name: str) -> list:
        """The sections around a control, from the inner one out."""
        if name not in self._sections:
            inside, self._sections[name] = getattr(self.ui, name), []
            while inside is not None:
                if inside.inherits("ctkCollapsibleButton"):
                    self._sections[name].append(inside)
                inside = inside.parentWidget()
        return self._sections[name]

    def _sectionOpened(self, closed: bool) -> None:
        for name, words in dict(self._unseen).items():
            self.fill(name, *words)


class FeatureView:
    """A feature's part of the view: ``connect(feature)`` once, then ``show(state)``; it decides nothing."""

    def __init__(self, controls: Controls):
        self._controls = controls


def asText(text: str) -> str:
    """A tooltip that reads as the text: where Qt takes a text for HTML, it would show what that says instead."""
    return f"<p>{escape(text, quote=False)}</p>".replace("\n", "<br>") if text else ""
