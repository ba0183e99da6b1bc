"""What the panel remembers about a map goes with the map."""

import gc
import weakref
from types import SimpleNamespace

import numpy as np

from SegHiResGradCAMLib.panel.causes.SmallestFlip import SmallestFlip
from SegHiResGradCAMLib.panel.Notices import Notices
from SegHiResGradCAMLib.panel.results.RecentMaps import RecentMaps
from SegHiResGradCAMLib.panel.results.Results import Pass
from SegHiResGradCAMLib.panel.trust.FastCheckLogic import FastCheckLogic


def test_a_search_without_a_flip_does_not_keep_the_maps_it_was_about():
    node, shown = object(), {}
    results = SimpleNamespace(nodeOf=lambda origin: node if shown.get("pass") is origin else None)
    panel = SimpleNamespace(notices=Notices(), desk=SimpleNamespace(results=results, node=None))
    flips = SmallestFlip(panel, None, lambda ms, do: do())
    shown["pass"] = origin = Pass({}, (), "model", {})
    job = SimpleNamespace(what={"origin": origin, "layer": "encoder.1"})
    flips.answered(job, {"flip": {"found": False, "sentence": "There is none."}})
    assert panel.notices.status == "No flip was found."
    gone = weakref.ref(origin)
    shown.clear()
    del origin, job
    gc.collect()
    assert gone() is None


def test_why_a_check_failed_is_not_said_of_a_later_map_at_the_same_address():
    checks = FastCheckLogic(SimpleNamespace(settle=lambda: None, notices=Notices()), None, {}, lambda: None)
    origin = Pass({}, (), "model", {})
    checks.job = SimpleNamespace(what={"origin": origin, "layer": "encoder.1"})
    checks.onError("memory", "Too little memory.", "")
    assert len(checks._failures) == 1
    checks.job = None
    del origin
    gc.collect()
    assert len(checks._failures) == 0


def test_a_map_that_was_kept_is_never_that_of_a_later_pass_at_the_same_address():
    """As where a map could not be added to the scene: nobody knows its pass any more."""
    recent, lives = RecentMaps(), Pass({}, (), "model", {})
    shown = SimpleNamespace(voxels=SimpleNamespace(array=np.zeros(3)))
    for _ in range(100):  # addresses come again at once
        former = Pass({}, (), "model", {})
        assert recent.get(former, "encoder.1") is None
        recent.keep(former, "encoder.1", shown)
        assert recent.get(former, "encoder.1") is shown
        del former
    recent.keep(lives, "encoder.1", shown)
    assert len(recent._kept) == 1
    recent.forget([])
    assert not recent._kept
