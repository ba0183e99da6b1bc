"""``slicer.packaging``: pip in a process of its own, as Slicer runs it without blocking; log and end by callbacks.

It is this Python's own pip: a test sees to it that nothing is installed.
"""

import sys


def pip_install(requirements, *, blocking=True, requester=None, logCallback=None, completedCallback=None):
    import slicer

    if blocking:
        raise NotImplementedError("only as our code calls it")
    command = [sys.executable, "-m", "pip", "install", *requirements]
    return slicer.util.launchConsoleProcess(
        command,
        useStartupEnvironment=False,
        blocking=False,
        logCallback=logCallback,
        completedCallback=completedCallback,
    )
