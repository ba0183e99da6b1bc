"""Forward hooks that tell which call of which module an output belongs to."""

from __future__ import annotations


class CallHooks:
    """``record(name, call, output)`` for the modules in ``names`` (None: all), inside the with block only."""

    def __init__(self, network, names, record):
        self.network, self.names, self.record = network, names, record
        self.handles, self.calls = [], {}

    def __enter__(self):
        for name, module in self.network.named_modules():
            if self.names is None or name in self.names:
                self.handles.append(module.register_forward_hook(self._hook(name)))
        return self

    def _hook(self, name):
        def hook(module, inputs, output):
            self.calls[name] = self.calls.get(name, 0) + 1
            self.record(name, self.calls[name], output)

        return hook

    def __exit__(self, *error):
        for handle in self.handles:
            handle.remove()
