"""What several files ask for."""

import pytest


@pytest.fixture(scope="module")
def worker(tmp_path_factory):
    """A worker process of the module's own, whose ``greeting`` has come."""
    from engine.workers import Running

    running = Running(tmp_path_factory.mktemp("shared") / "seghirescam-worker-test")
    running.greeting = running.hello()
    yield running
    running.end()
