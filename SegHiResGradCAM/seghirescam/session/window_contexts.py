"""Methods that need more than A and g, window by window: every run's outcome is added where the window lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ..cam.isolation.host_copies import to_device
from ..cam.isolation.network_place import destination, placed
from ..cam.isolation.undisturbed import undisturbed
from ..models.model_outputs import check_classes, output_channels
from .context_methods import Contextual, within
from .half_precision import Overflow
from .layer_sums import LayerSums, OutcomeSums

if TYPE_CHECKING:
    from ..cam.placement.windows import Offset, WindowPlan
    from ..protocol.progress import Progress
    from .answer import Run
    from .window_masks import WindowMask
    from .window_passes import Settings, WindowPasses


def add_contexts(
    passes: WindowPasses, run: Run, settings: Settings, tell: Progress, masks: list[WindowMask],
    sums: list[list[LayerSums]], count_scores: bool, start: float,
) -> None:  # fmt: skip
    """Run the context methods among ``sums`` (one list a mask, see :mod:`layer_sums`) over all windows that matter.

    passes: :class:`window_passes.WindowPasses`.  count_scores: add each window's score to its mask's, where no other
    method does.
    """
    rows = [[s for s in row if isinstance(s, OutcomeSums)] for row in sums]
    if not any(rows):
        return
    # layer by layer, then method: what is recorded of a layer serves all pixel sets
    rank: dict[tuple[str, int], int] = {}
    for s in (s for row in rows for s in row):
        rank.setdefault((s.layer.name, id(s.method)), len(rank))
    model, plan = run.model, passes.plan
    where, channels = destination(model.networks[0], settings.device), output_channels(model)
    offsets = sorted({offset for mask in masks for offset in mask.seeds.touched})
    overflow = Overflow()
    listed, steps, done = passes.listed(), len(offsets) * passes.runs, 0
    for fold, network in enumerate(model.networks):
        with undisturbed(network), placed(network, settings.device), passes.reading.on(network):
            for flip in plan.flips:
                for offset in offsets:
                    a, b = (start + (1 - start) * n / steps for n in (done, done + 1))
                    tensor = passes.batch((offset,), flip, where)
                    special = Contextual(run, network, tensor, listed, settings.computed(where).dtype, channels)
                    met = [both for both in zip(masks, rows, strict=True) if offset in both[0].seeds.touched]
                    jobs = [(s, mask) for mask, row in met for s in row]
                    jobs.sort(key=lambda job: rank[(job[0].layer.name, id(job[0].method))])
                    counted: set[int] = set()
                    for number, (s, mask) in enumerate(jobs):
                        part = [a + (b - a) * (number + k) / len(jobs) for k in (0, 1)]
                        title = f"{s.method.title}, window {done + 1} of {steps}"
                        seed = _seed(mask, plan, offset, passes.runs, flip, tensor)
                        context = special.context(s.layer, seed, mask.score)
                        context.tell = within(tell, part[0], part[1], title)
                        with passes.place(fold, flip, offset):
                            s.put(special.outcome(s.method, context), (fold, offset, flip))
                            check_classes(model, context.logits)
                            overflow.look(passes, context.logits)
                            if count_scores and mask.place not in counted:
                                counted.add(mask.place)
                                run.collected.put(context.scores(context.logits)[0], then=mask.add_total)
                    passes.calls += special.forwards
                    done += 1
    overflow.refuse()


def _seed(
    mask: WindowMask, plan: WindowPlan, offset: Offset, runs: int, flip: tuple[int, ...], tensor: torch.Tensor
) -> torch.Tensor:
    """m_p of one run ``[*spatial]`` on the tensor's device."""
    seed = torch.as_tensor(mask.seeds.window(plan, offset, runs, flip))
    seed = seed if tensor.ndim == 5 else seed[0]
    return to_device(seed, tensor.device, torch.float32 if tensor.dtype.itemsize < 4 else tensor.dtype)
