"""PySide6, offscreen, with one QApplication that looks about like Slicer in its dark style.

Import this before anything imports PySide6: what is set here is read when Qt is loaded.
"""

import locale
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ["PYSIDE6_OPTION_PYTHON_ENUM"] = "0x02"  # enums are ints, as PythonQt has them
os.environ.setdefault("MPLBACKEND", "Agg")  # or matplotlib would meet our changed Qt classes and choose them

try:
    import PySide6
    from PySide6 import QtCore, QtGui, QtTest, QtWidgets
except ImportError as error:
    raise ImportError(
        f"{error}. The GUI tests need PySide6-Essentials 6.10.3 (requirements/test.txt) and, on a bare Linux, "
        "libegl1 libgl1 libxkbcommon0 libdbus-1-3 libfontconfig1 libglib2.0-0 fonts-dejavu-core."
    ) from error

if sys.version_info < (3, 12) and PySide6.__version_info__[:2] >= (6, 11):
    raise ImportError("PySide6 6.11 and later lose references on Python 3.11: use PySide6-Essentials 6.10.3")

from .failures import collectQtWarnings

NO_FONTS = "no fonts: install fonts-dejavu-core, or every screenshot has empty boxes for letters"

#: Slicer's own start-up is not imitated: settings live in a folder of this process and go with it
_FOLDER = tempfile.TemporaryDirectory(prefix="seghirescam-gui-", ignore_cleanup_errors=True)
folder = Path(_FOLDER.name)

_COLORS = {  # role: (active, disabled); close to Slicer's dark style
    "Window": ("#404040", "#404040"),
    "WindowText": ("#e8e8e8", "#8a8a8a"),
    "Base": ("#2a2a2a", "#383838"),
    "AlternateBase": ("#343434", "#383838"),
    "ToolTipBase": ("#2a2a2a", "#2a2a2a"),
    "ToolTipText": ("#e8e8e8", "#e8e8e8"),
    "PlaceholderText": ("#9a9a9a", "#707070"),
    "Text": ("#e8e8e8", "#8a8a8a"),
    "Button": ("#4a4a4a", "#424242"),
    "ButtonText": ("#e8e8e8", "#8a8a8a"),
    "BrightText": ("#ff6060", "#ff6060"),
    "Link": ("#56a0e0", "#56a0e0"),
    "Highlight": ("#2a72b8", "#50565c"),
    "HighlightedText": ("#ffffff", "#a0a0a0"),
}
_LIGHT = {
    "Window": ("#efefef", "#efefef"),
    "WindowText": ("#101010", "#8c8c8c"),
    "Base": ("#ffffff", "#f4f4f4"),
    "AlternateBase": ("#f5f5f5", "#f0f0f0"),
    "ToolTipBase": ("#ffffdc", "#ffffdc"),
    "ToolTipText": ("#000000", "#000000"),
    "PlaceholderText": ("#808080", "#a0a0a0"),
    "Text": ("#101010", "#8c8c8c"),
    "Button": ("#efefef", "#efefef"),
    "ButtonText": ("#101010", "#8c8c8c"),
    "BrightText": ("#ff0000", "#ff0000"),
    "Link": ("#0057ae", "#0057ae"),
    "Highlight": ("#308cc6", "#919191"),
    "HighlightedText": ("#ffffff", "#ffffff"),
}


def start() -> QtWidgets.QApplication:
    """The application of this process, made on the first call."""
    running = QtWidgets.QApplication.instance()
    if running is not None:
        return running
    QtCore.QCoreApplication.setOrganizationName("NA-MIC")
    QtCore.QCoreApplication.setApplicationName("Slicer")
    QtCore.QSettings.setDefaultFormat(QtCore.QSettings.Format.IniFormat)
    for scope in (QtCore.QSettings.Scope.UserScope, QtCore.QSettings.Scope.SystemScope):
        QtCore.QSettings.setPath(QtCore.QSettings.Format.IniFormat, scope, str(folder))
    collectQtWarnings()
    application = QtWidgets.QApplication(["Slicer-stage"])
    locale.setlocale(locale.LC_NUMERIC, "C")  # Qt takes the user's locale; numbers in VTK's files must not follow
    application.setQuitOnLastWindowClosed(False)
    application.setStyle("Fusion")
    application.setPalette(darkPalette())
    font = QtGui.QFont("DejaVu Sans")
    font.setPixelSize(12)
    application.setFont(font)
    return application


def darkPalette() -> QtGui.QPalette:
    return _palette(_COLORS)


def lightPalette() -> QtGui.QPalette:
    """Close to Slicer's light style."""
    return _palette(_LIGHT)


def _palette(colors: dict) -> QtGui.QPalette:
    palette = QtGui.QPalette()
    for role, (active, disabled) in colors.items():
        role = getattr(QtGui.QPalette.ColorRole, role)
        palette.setColor(role, QtGui.QColor(active))
        palette.setColor(QtGui.QPalette.ColorGroup.Disabled, role, QtGui.QColor(disabled))
    return palette


def fontsExist() -> bool:
    return bool(QtGui.QFontDatabase.families())


__all__ = [
    "NO_FONTS",
    "QtCore",
    "QtGui",
    "QtTest",
    "QtWidgets",
    "darkPalette",
    "folder",
    "fontsExist",
    "lightPalette",
    "start",
]
