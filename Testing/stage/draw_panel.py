"""Draws the README's picture of the panel: `python Testing/stage/draw_panel.py [Resources/panel.png]`.

The real widget with a real result, offscreen, on stand-ins for Slicer's own widgets: close to Slicer's dark style, not
a screenshot of Slicer.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "SegHiResGradCAM"), str(ROOT / "Testing")]

from stage.gui import choose, click, failures, screenshot  # noqa: E402
from stage.panel import Panel  # noqa: E402

WIDTH = 400  # Slicer's module column on a laptop


def drawPanel(path) -> None:
    """The panel after the demo question was answered, its map checked, and the marker painted over."""
    panel = Panel()
    panel.openDemo()
    panel.applyAndWait()
    panel.waitChecked()
    panel.open(panel.ui.paintComboBox)
    choose(panel.ui.paintComboBox, "Segment: Marker")
    click(panel.ui.paintButton)
    panel.waitIdle()
    if panel.ui.errorLabel.text:
        raise RuntimeError(panel.ui.errorLabel.text)
    screenshot(panel.widget, path, WIDTH)
    panel.close()


if __name__ == "__main__":
    failures.collect()
    drawPanel(sys.argv[1] if len(sys.argv) > 1 else ROOT / "Resources" / "panel.png")
    print("\n".join(failures.texts))
    sys.stdout.flush()
    os._exit(1 if failures.texts else 0)  # Slicer's classes do not survive Python's own shutdown
