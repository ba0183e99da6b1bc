"""``python -m seghirescam`` is the command ``seghirescam``; safer still are that command and ``python -P -m``.

``-m`` puts the current folder in front of where modules are looked for.  A command is often given where models lie, so
that folder is taken off before anything else is imported.
"""

import os
import sys

if sys.path and not sys.flags.safe_path and os.path.realpath(sys.path[0] or os.curdir) == os.path.realpath(os.curdir):
    del sys.path[0]

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
