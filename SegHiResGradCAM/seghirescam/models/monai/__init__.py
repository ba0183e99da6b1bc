"""MONAI networks, bundles and Auto3DSeg."""
