"""``slicer.i18n``: what installed translators say, in the contexts that Slicer's function takes from its caller."""

import inspect
from pathlib import Path

from PySide6 import QtCore


def translate(context, text):
    return QtCore.QCoreApplication.translate(context, text)


def tr(text):
    file = Path(inspect.currentframe().f_back.f_code.co_filename)
    inPackage = (file.parent / "__init__.py").exists()
    return translate(f"{file.parent.name}.{file.stem}" if inPackage else file.stem, text)
