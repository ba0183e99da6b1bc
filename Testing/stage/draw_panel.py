"""Draws the panel: `python Testing/stage/draw_panel.py [Resources/panel.png]`, the README's picture of it;
`python Testing/stage/draw_panel.py --states FOLDER [empty result ...]`: every state, 400 and 500 pixels wide, dark and
light, to be looked at after a change.

The real widget with a real result, offscreen, on stand-ins for Slicer's own widgets: close to Slicer's style, not a
screenshot of Slicer.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "SegHiResGradCAM"), str(ROOT / "Testing")]

from stage.gui import application, choose, click, failures, screenshot  # noqa: E402
from stage.panel import PATIENCE_MS, Panel  # noqa: E402

WIDTH = 400  # Slicer's module column on a laptop
WIDTHS = (WIDTH, 500)
STYLES = {"dark": application.darkPalette, "light": application.lightPalette}


def drawPanel(path) -> None:
    """The panel after the demo question was answered, its map checked, and the marker masked out."""
    panel = Panel()
    panel.openDemo()
    panel.applyAndWait()
    panel.waitChecked()
    _maskOut(panel)
    _fine(panel)
    screenshot(panel.widget, path, WIDTH)
    panel.close()


def drawStates(folder: Path, wanted=()) -> None:
    """wanted: names of states, all unless given."""
    panel = Panel()
    panel.widget.ask = lambda question: True
    left = set(wanted)
    for state in _states(panel):
        for style, palette in STYLES.items() if not wanted or state in wanted else ():
            application.QtWidgets.QApplication.setPalette(palette())
            for width in WIDTHS:
                screenshot(panel.widget, folder / f"{state}_{width}_{style}.png", width)
        left.discard(state)
        if wanted and not left:
            break
    panel.close()


def _states(panel: Panel) -> Iterator[str]:
    """Brings the panel into one state after the other."""
    ui = panel.ui
    yield "empty"
    panel.openDemo()
    panel.apply()
    panel.waitComputing()
    yield "running"
    panel.waitIdle()
    panel.waitChecked()
    _fine(panel)
    yield "result"
    _maskOut(panel)
    _fine(panel)
    yield "masked_out"
    panel.openSections()
    yield "sections"
    for head in (*ui.resultSections.children(), *ui.panelSections.children()):
        if head.inherits("ctkCollapsibleButton") and not head.collapsed:
            click(head)
    panel.open(ui.compareButton)
    click(ui.compareButton)
    panel.waitIdle()
    _fine(panel)
    yield "84_results"
    click(ui.compareSection)
    panel.presenter.notices.fail("The segment lies outside the volume.", "Choose another volume, or segment.", "A log.")
    panel.presenter.changed()
    yield "error"
    panel.applyAndWait()
    panel.waitChecked()
    panel.open(ui.fullCheckButton)
    click(ui.fullCheckButton)
    panel.waitIdle(patience=30 * PATIENCE_MS)  # a hundred passes
    _fine(panel)
    yield "full_check"


def _maskOut(panel: Panel) -> None:
    panel.open(panel.ui.paintButton)
    choose(panel.ui.paintComboBox, "Segment: Marker")
    click(panel.ui.paintButton)
    panel.waitIdle()


def _fine(panel: Panel) -> None:
    if panel.ui.errorLabel.text:
        raise RuntimeError(panel.ui.errorLabel.text)


if __name__ == "__main__":
    failures.collect()
    if sys.argv[1:2] == ["--states"]:
        drawStates(Path(sys.argv[2]), sys.argv[3:])
    else:
        drawPanel(sys.argv[1] if len(sys.argv) > 1 else ROOT / "Resources" / "panel.png")
    print("\n".join(failures.texts))
    sys.stdout.flush()
    os._exit(1 if failures.texts else 0)  # Slicer's classes do not survive Python's own shutdown
