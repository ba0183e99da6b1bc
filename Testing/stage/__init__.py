"""The stage: Slicer's real MRML classes and views without the Slicer application (wheel ``slicer-core``).

Import this package before anything imports ``vtk`` or ``slicer``: it chooses offscreen OpenGL before VTK is loaded.
Never put a folder named ``slicer`` on ``sys.path``: the wheel would import every file in it as a part of itself.
"""

import os

os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")
