"""Volume nodes as images, and voxels handed to them without a copy."""
