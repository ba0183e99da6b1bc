"""Results as DICOM objects of the study they explain: parametric maps and segmentations, by highdicom."""
