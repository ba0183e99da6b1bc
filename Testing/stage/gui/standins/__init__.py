"""Stand-ins for the ctk and qMRML widgets our panel uses: only the properties, slots and signals Slicer has.

What is missing here is missing on purpose (``ctkSliderWidget.setMinimum`` is no slot and does not exist in Slicer's
Python either) or has not been needed yet: then it raises, and one adds it from the class's public header.
"""

from .base import CLASSES as CLASSES
from .ctkButtons import ctkCollapsibleButton as ctkCollapsibleButton
from .ctkCombos import ctkComboBox as ctkComboBox
from .ctkCombos import ctkMessageBox as ctkMessageBox
from .ctkNumbers import ctkDoubleSpinBox as ctkDoubleSpinBox
from .ctkNumbers import ctkSliderWidget as ctkSliderWidget
from .ctkPath import ctkPathLineEdit as ctkPathLineEdit
from .mrmlNodes import qMRMLNodeComboBox as qMRMLNodeComboBox
from .mrmlSegments import qMRMLSegmentSelectorWidget as qMRMLSegmentSelectorWidget
from .mrmlWidgets import qMRMLWidget as qMRMLWidget
from .mrmlWidgets import qSlicerScriptedLoadableModuleWidget as qSlicerScriptedLoadableModuleWidget
