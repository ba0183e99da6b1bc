"""``python -P -m seghirescam.worker``: the process Slicer talks to."""

from .server import main

if __name__ == "__main__":
    main()
