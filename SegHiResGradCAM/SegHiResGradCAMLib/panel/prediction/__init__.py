"""The model's own segmentation."""
