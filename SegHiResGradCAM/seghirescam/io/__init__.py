"""Files and arrays: volumes, DICOM, label maps, colour images, channels."""
