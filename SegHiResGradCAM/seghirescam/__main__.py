"""``python -m seghirescam`` is the command ``seghirescam``."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
