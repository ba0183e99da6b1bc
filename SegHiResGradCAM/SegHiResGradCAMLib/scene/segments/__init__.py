"""Segments as pixel sets and label maps, and predictions as segmentations."""
