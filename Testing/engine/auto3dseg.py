"""Auto3DSeg models in one file, as its training writes them."""

import torch

NETWORK = {"_target_": "SegResNetDS", "init_filters": 8, "blocks_down": [1, 1, 1], "norm": "INSTANCE_NVFUSER",
           "in_channels": 1, "out_channels": 3, "dsdepth": 2}  # fmt: skip
CONFIG = {"network": NETWORK, "roi_size": [16, 24, 16], "normalize_mode": "ct", "intensity_bounds": [-50, 120],
          "resample_resolution": [1.5, 1.5, 2.0], "resample": True, "orientation_ras": True, "crop_foreground": True,
          "sigmoid": False, "class_names": ["liver", "tumour"], "modality": "CT", "extra_modalities": {},
          "bundle_root": "/somewhere"}  # fmt: skip


def network_of(config):
    from monai.networks.nets import SegResNetDS

    torch.manual_seed(5)
    arguments = {k: v for k, v in config["network"].items() if k != "_target_"} | {"norm": "INSTANCE"}
    return SegResNetDS(**arguments).eval()


def write(path, config=CONFIG, state=None):
    state = network_of(config).state_dict() if state is None else state
    torch.save({"epoch": 3, "best_metric": 0.9, "config": config, "state_dict": state}, path)
    return path
