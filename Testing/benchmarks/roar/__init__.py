"""Remove and retrain (ROAR, Hooker et al., NeurIPS 2019) on a toy segmentation task, with the controls it needs."""
