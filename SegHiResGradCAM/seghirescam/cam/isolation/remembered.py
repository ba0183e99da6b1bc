"""Answers about a network, kept until the network goes or changes."""

from __future__ import annotations


def remembered(cache, network, key, compute):
    """``compute()``, kept until the network goes or any of its modules, parameters or buffers changes."""
    state = [id(m) for m in network.modules()]
    state += [(t.data_ptr(), t._version) for t in (*network.parameters(), *network.buffers())]
    if network not in cache or cache[network][0] != state:
        cache[network] = state, {}
    answers = cache[network][1]
    if key not in answers:
        answers[key] = compute()
    return answers[key]
