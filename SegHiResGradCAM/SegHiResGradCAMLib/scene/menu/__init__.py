"""What other modules of Slicer offer of ours."""
