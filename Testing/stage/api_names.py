"""The names of Slicer's Python API that our code may use; each was seen in Slicer 5.12's sources.

Kept by hand and short on purpose: a name is added here after it has been looked up, not because a test wants it.
"""

QT = frozenset(
    """
    Qt QAction QActionGroup QApplication QBrush QButtonGroup QByteArray QCheckBox QColor QComboBox QCoreApplication
    QCursor QDate QDateTime QDesktopServices QDialog QDialogButtonBox QDir QDoubleSpinBox QEvent QEventLoop QFile
    QFileDialog QFileInfo QFont QFontDatabase QFontMetrics QFormLayout QFrame QGridLayout QGroupBox QHBoxLayout
    QHeaderView QIODevice QIcon QImage QInputDialog QItemSelectionModel QKeySequence QLabel QLineEdit QListWidget
    QListWidgetItem QLocale QMenu QMessageBox QModelIndex QObject QPainter QPalette QPixmap QPlainTextEdit QPoint
    QProcess QProcessEnvironment QProgressBar QProgressDialog QPushButton QRadioButton QRect QScrollArea QSettings
    QShortcut QSignalBlocker QSize QSizePolicy QSlider QSpacerItem QSpinBox QSplitter QStackedWidget QStandardItem
    QStandardItemModel QStyle QSysInfo QTabWidget QTableWidget QTableWidgetItem QTextBrowser QTextEdit QTimer
    QToolButton QToolTip QTreeWidget QTreeWidgetItem QUiLoader QUrl QVBoxLayout QWidget
    """.split()
)

CTK = frozenset(
    "ctkCollapsibleButton ctkComboBox ctkDoubleSpinBox ctkMessageBox ctkPathLineEdit ctkSliderWidget".split()
)

#: ``slicer.<name>`` beside the vtk classes
SLICER = frozenset(
    """
    app i18n modules mrmlScene packaging parameterNodeWrapper ScriptedLoadableModule selfTests util testing
    qMRMLNodeComboBox qMRMLSegmentSelectorWidget qMRMLWidget qSlicerScriptedLoadableModuleWidget
    qSlicerSubjectHierarchyPluginHandler qSlicerSubjectHierarchyScriptedPlugin
    """.split()
)

APP = frozenset(
    """
    aboutToQuit applicationLogic applicationName applicationVersion clipboard connect disconnect layoutManager
    majorVersion minorVersion moduleManager mrmlScene palette pauseRender processEvents restoreOverrideCursor
    resumeRender revisionUserSettings setOverrideCursor settings slicerHome startupCompleted startupEnvironment
    temporaryPath testingEnabled topLevelWidgets userSettings
    """.split()
)

UTIL = frozenset(
    """
    MRMLNodeNotFoundException NodeModify RenderBlocker VTKObservationMixin WaitCursor addVolumeFromArray
    arrayFromSegmentBinaryLabelmap arrayFromSegmentInternalBinaryLabelmap arrayFromVolume arrayFromVolumeModified
    childWidgetVariables computeChecksum confirmOkCancelDisplay confirmYesNoDisplay createProgressDialog delayDisplay
    downloadFile errorDisplay findChild findChildren getFirstNodeByClassByName getFirstNodeByName getModule
    getModuleLogic getModuleWidget getNode getNodes getNodesByClass infoDisplay launchConsoleProcess loadScene
    loadSegmentation loadUI loadVolume longPath mainWindow messageBox modulePath pip_install reloadScriptedModule
    resetSliceViews saveNode saveScene selectModule setSliceViewerLayers settingsValue showStatusMessage
    startupEnvironment tempDirectory toBool tryWithErrorDisplay updateSegmentBinaryLabelmapFromArray
    updateVolumeFromArray warningDisplay
    """.split()
)

BANNED_IMPORTS = {
    "threading": "Python threads starve inside Slicer: use QTimer or QProcess",
    "concurrent": "Python threads starve inside Slicer: use QTimer or QProcess",
    "multiprocessing": "sys.executable is a launcher in Slicer: start PythonSlicer by QProcess",
    "PySide6": "Slicer has PythonQt: import qt",
    "PyQt5": "Slicer has PythonQt: import qt",
    "torch": "torch crashes inside the application: it belongs to the worker",
    "imp": "Python 3.12 has no imp",
}
