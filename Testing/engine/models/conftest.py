"""Exported programs that several files ask for."""

import pytest

from engine import programs, toys
from engine.programs import NAMES


@pytest.fixture(scope="module")
def free(tmp_path_factory):
    """(network, file): a U-Net with batch norm and activations in place, exported for any multiple of 4, described."""
    network = toys.make(kind="batch")
    path = tmp_path_factory.mktemp("free") / "free.pt2"
    programs.save_exported(path, network, toys.image(size=16), multiple=4)
    programs.describe(path, classes=NAMES, channels=["CT"], intensity="zscore", name="my liver")
    return network, path


@pytest.fixture(scope="module")
def fixed(tmp_path_factory):
    """(network, file): instance norm, max-pooling, fixed sizes, nothing described."""
    network = toys.make(kind="instance", pool=True)
    path = tmp_path_factory.mktemp("fixed") / "fixed.pt2"
    return network, programs.save_exported(path, network, toys.image(size=16))
