"""Answers of the worker to a draft, and what it says of bare weights, as they travel."""

from __future__ import annotations

BARE = "'unet.pth' is a state_dict of 14 tensors, 1657 numbers: weights without their network."


def line(word, value, why="", asleep=False):
    return {"word": word, "value": value, "why": why, "asleep": asleep}


#: as the worker answers for a 3D network of MONAI with two channels
MONAI = {
    "network": "MONAI UNet", "fill_in": [], "assumed": ["classes", "channels", "arguments.strides"], "runs_code": False,
    "pip": "", "functions": [], "files": {"unet.model.toml": "text"},
    "lines": [
        line("monai", "UNet"), line("weights", "unet.pth"),
        line("classes", ["background", "class 1"], "ASSUMED: the names (2 output channels, in order)."),
        line("channels", ["image 1", "image 2"], "ASSUMED: names and order of the 2 input channels"),
        line("head", "softmax", "Left out: read", True), line("activation", "none", "Left out", True),
        line("axes", "xyz", "MONAI feeds x, y, z", True),
    ],
    "arguments": [line("channels", [4, 8, 16]), line("strides", [2, 2], "ASSUMED: 2 is usual")],
}  # fmt: skip
#: of weights nobody knows, without and with the file that builds the network
UNKNOWN = MONAI | {
    "network": "a network", "fill_in": ["factory"], "assumed": ["classes"], "arguments": [],
    "lines": [
        line("factory", "network.py", "FILL IN: a Python file"),
        line("classes", ["background", "object"], "ASSUMED: the names"), line("channels", ["image"], "1 channel"),
        line("divisor", 16, "Assumed: up to four halvings"), line("head", "softmax", "", True),
        line("activation", "none", "", True), line("axes", "zyx", "Assumed: slices first", True),
    ],
}  # fmt: skip
WITH_FILE = UNKNOWN | {
    "network": "Net of net.py", "fill_in": ["arguments.width"], "functions": ["Net", "Other"],
    "lines": [line("function", "Net", "Found: its parts"), *UNKNOWN["lines"][1:]],
    "arguments": [line("in_channels", 1, "Found"), line("width", 0, "FILL IN: Net asks for it", True)],
}  # fmt: skip
