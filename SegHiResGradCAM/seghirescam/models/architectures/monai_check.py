"""Which of MONAI's networks weights belong to: guessed from shapes, then asked of MONAI's own class, key by key."""

from __future__ import annotations

from ...protocol.errors import DependencyError, ModelError
from ..monai.bundle_config import Component
from ..monai.monai_parts import build_network
from ..weights.prefixes import fitted
from ..weights.tensor_table import TensorTable
from .found import MONAI, Found
from .monai_by_shapes import guesses

#: a guess from a stranger's file may ask for more than a computer has
_MOST_NUMBERS = 2_000_000_000


def monai_network(table: TensorTable, given: dict | None = None) -> Found | None:
    """The network with exactly these names and shapes; where MONAI is not installed the likeliest, not verified.

    given: arguments the caller states, in the place of guessed ones.  None where none fits.
    """
    given, unverified = given or {}, None
    for prefix, part in table.unwrapped():
        for name, arguments, assumed in guesses(part):
            arguments = {**arguments, **given}
            left = {word: why for word, why in assumed.items() if word not in given}
            fits = _fits(name, arguments, table, prefix)
            found = Found(
                MONAI, name, arguments, arguments["in_channels"], arguments["out_channels"],
                arguments["spatial_dims"], left, prefix, fits,
            )  # fmt: skip
            if fits:
                return found
            if fits is None:
                unverified = unverified or found
    return unverified


def _fits(name, arguments, table, prefix):
    """Whether MONAI's class has these names and shapes; None without MONAI."""
    import torch

    if table.numbers > _MOST_NUMBERS:
        return None
    try:
        network = _built(name, arguments)
    except DependencyError:
        return None
    except ModelError:
        return False
    wanted = network.state_dict()
    with torch.device("meta"):
        state = {key: torch.empty(shape) for key, shape in table.shapes.items()}
    state, _ = fitted(state, wanted)
    counters = {key for key in wanted if key.endswith("num_batches_tracked")}
    same = set(state) | counters == set(wanted)
    return same and all(tuple(wanted[key].shape) == tuple(value.shape) for key, value in state.items())


def _built(name, arguments):
    """On the "meta" device, without memory; where a constructor calculates with its tensors, in earnest."""
    import torch

    component = Component(f"monai.networks.nets.{name}", arguments)
    try:
        with torch.device("meta"):
            return build_network(component)
    except ModelError:
        with torch.random.fork_rng(devices=[]):
            return build_network(component)
