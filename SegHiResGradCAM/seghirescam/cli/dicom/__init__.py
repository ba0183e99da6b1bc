"""Results as DICOM objects, as commands write them."""
