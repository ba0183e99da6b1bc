"""Names in a checkpoint and names in a network: what wrappers and training code put in front, taken off where it fits.

Nothing is guessed: a prefix goes only where every weight of the network is then there, with its shape.  What was taken
off, and what of the file was left out, is told.
"""

from __future__ import annotations

from collections.abc import Mapping

#: what wrappers (DataParallel, torch.compile) and training code (Lightning, nnU-Net, MONAI) call what they hold
KNOWN = frozenset({"model", "_model", "net", "_net", "network", "_network", "module", "_orig_mod", "segmentor"})
#: put before a part's name, wherever it stands in the network
_WRAPPERS = frozenset({"module", "_orig_mod"})
#: parts of training code that are no part of the network
_TRAINING = ("criterion", "loss", "metric", "train_", "val_", "valid_", "test_")
#: counters that do nothing in evaluation
COUNTER = "num_batches_tracked"
_NAMED = 5


def fitted(state: Mapping, wanted: Mapping) -> tuple[dict, tuple[str, ...]]:
    """(the state_dict under the network's names, what was done to it, as sentences); unchanged where nothing fits.

    state, wanted: name -> tensor, of the file and of the network.
    """
    if all(key in state for key in wanted if not key.endswith(COUNTER)):
        return _without_extras(dict(state), wanted, ())
    for renamed in (dict(state), _unwrapped(state)):
        fits = _fitting(renamed, wanted)
        known = [prefix for prefix in fits if set(prefix[:-1].split(".")) <= KNOWN | {""}]
        chosen = known if len(known) == 1 else fits
        if len(chosen) != 1:
            continue
        (prefix,) = chosen
        found = {key.removeprefix(prefix): value for key, value in renamed.items() if key.startswith(prefix)}
        notes = []
        if prefix:
            notes.append(f"'{prefix}' was taken off the names of the weights; under these names they fit the network.")
        if len(renamed) == len(state) and set(renamed) != set(state):
            notes.append("What DataParallel or torch.compile put into the names of the weights was taken off.")
        others = [key for key in renamed if not key.startswith(prefix)]
        if others:
            notes.append(_left_out(others))
        return _without_extras(found, wanted, tuple(notes))
    return dict(state), ()


def _fitting(state, wanted):
    """The prefixes under which the whole network is there, with its shapes."""
    needed = [key for key in wanted if not key.endswith(COUNTER)]
    if not needed:
        return []
    first = needed[0]
    tried = {key.removesuffix(first) for key in state if key.endswith(first)}
    tried = {prefix for prefix in tried if not prefix or prefix.endswith(".")}
    return sorted(
        prefix
        for prefix in tried
        if all(prefix + key in state and state[prefix + key].shape == wanted[key].shape for key in needed)
    )


def _unwrapped(state):
    """Without what wrappers put anywhere in the names; as it was where two names would become one."""
    renamed = {".".join(part for part in key.split(".") if part not in _WRAPPERS): key for key in state}
    return {new: state[old] for new, old in renamed.items()} if len(renamed) == len(state) else dict(state)


def _without_extras(state, wanted, notes):
    """Counters, and weights of losses and metrics, that this network does not have, go, told."""
    extras = [key for key in state if key not in wanted and (key.endswith(COUNTER) or _of_training(key))]
    if extras:
        notes = (*notes, _left_out(extras))
    return {key: value for key, value in state.items() if key not in set(extras)}, notes


def _of_training(key):
    return any(word in part.lower() for part in key.split(".")[:2] for word in _TRAINING[:3]) or key.lower().startswith(
        _TRAINING
    )


def _left_out(keys):
    named = ", ".join(keys[:_NAMED]) + (", ..." if len(keys) > _NAMED else "")
    return f"{len(keys)} entries of the weights file that are not of this network were left out ({named})."
