"""Where the extension lives, and who made it."""

# Written by tools/write_extension_files.py from tools/extension_facts.py and the tree: do not edit by hand.
HOMEPAGE = "https://github.com/OWNER/SlicerSegHiResGradCAM"
CONTRIBUTORS = "The SegHiResGradCAM authors"  # no tr
