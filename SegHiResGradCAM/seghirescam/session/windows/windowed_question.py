"""One question on its way through the windows: sets found, layers chosen, passes added up group by group."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch

from ...cam.isolation.network_place import destination
from ...cam.logits.score import decide
from ...cam.placement.windows import Seeds
from ...models import model_outputs
from ...protocol.question import MAIN
from ..answer import Run
from ..context_methods import places
from ..layer_choice import ChosenLayers, chosen_layers, main_layers
from ..layer_sums import LayerSums
from ..memory import named_shortage
from ..sets.set_groups import grouped_note, groups
from ..window_contexts import add_contexts
from ..window_masks import WindowMask
from .window_sums import WindowSums

if TYPE_CHECKING:
    from ...cam.layers.layer import Layer
    from ...cam.placement.windows import Offset
    from ...protocol.progress import Progress
    from ...protocol.recipes import View
    from ..interface import Session
    from ..sets.handed import Handed
    from ..sets.known_sets import KnownSets
    from ..understood import Understood
    from ..window_passes import Settings, WindowPasses


class WindowedQuestion:
    """Answers are handed over group by group; an attempt that begins again goes on with the sets that remain."""

    def __init__(
        self, session: Session, passes: WindowPasses, seen: Callable[[int], View], question: Understood,
        downstream: bool, hand: Handed, working_bytes: int,
    ):  # fmt: skip
        """seen: what recipes of a class may look at, once there is a prediction. The others as the session has them."""
        self.session, self.passes, self.seen = session, passes, seen
        self.question, self.downstream, self.hand = question, downstream, hand
        self.working_bytes = working_bytes
        self.remaining = list(range(len(question.recipes)))
        #: whether the score is, in what the passes give; known once the network's last step has been seen
        self.linear = True
        #: whether passes were kept from a prediction made for this question
        self._swept = False

    def answer(self, tell: Progress, settings: Settings, notes: tuple[str, ...]) -> None:
        """Raises MemoryLimitError, SharedDrawsError, and what explain raises."""
        session, question, model = self.session, self.question, self.session.model
        passes, dims = self.passes, model.spatial_dims
        known = session._given(question, self.hand)
        where = destination(model.networks[0], settings.device)
        with torch.inference_mode(False), named_shortage(where):
            listed = passes.listed()
            model_outputs.settle(model)
            model_outputs.refuse_lost_logit(model, question.score)
            self.linear = session.is_linear(question)
            chosen = chosen_layers(listed, question, known, dims)
            taken = session._refuse(question, where, chosen.layers if chosen else None)
            if any(not known.is_settled(i) for i in range(len(question.recipes))) or not self.linear:
                self._predict(known, chosen, listed, settings, where, tell)
            if chosen is None:
                chosen = chosen_layers(listed, question, known, dims)
                assert chosen is not None
                taken = session._refuse(question, where, chosen.layers)
            behind = self._behind(chosen.layers, listed)
            targets = [*chosen.layers, *behind]
            settings, slimmer = passes.fitting(settings, {layer.name for layer in targets}, where)
            masks = {
                i: WindowMask.of(passes, i, known[i], session.tolerance, question.scores[i], self.linear)
                for i in self.remaining
                if i in known
            }
            if self._swept:
                passes.keep_only(offset for mask in masks.values() for offset in mask.seeds.touched)
            precision = settings.computed(where)
            taken_output = passes.reading.taken(model.networks[0])
            run = Run(
                model, session.image, session._prepared, question.score, question.side, precision.name, str(where),
                (*taken_output.notes, *self._notes(known), *precision.notes, *notes, *slimmer), taken_output.facts,
            )  # fmt: skip
            runs = {i: run.about(question.scores[i], chosen.notes[i]) for i in masks}
            sums = self._sums(runs, masks, chosen, behind, taken)
            # nobody named these one by one: what has no influence on the score is left out
            free = behind if self.downstream else targets if question.layers == MAIN else []
            costs = [sum(s.nbytes for s in sums[i]) for i in masks]
            limit = self.working_bytes
            found = groups(costs, limit)
            told = (grouped_note(len(costs), len(found), sum(costs), limit),) if len(found) > 1 else ()
            order = list(masks)
            for n, group in enumerate(found):
                part = (
                    tell if len(found) == 1 else tell.part(0.4 + 0.6 * n / len(found), 0.4 + 0.6 * (n + 1) / len(found))
                )
                rows = [(masks[order[g]], sums[order[g]]) for g in group]
                room = max(0, limit - sum(costs[g] for g in group))
                more = self._add_up(rows, targets, free, settings, part, room)
                for mask, row in rows:
                    own = runs[mask.place].about(mask.score, (*told, *more))
                    self._hand_over(own, mask, row, known, free)
                    row.clear()
                    self.remaining.remove(mask.place)
            tell(1.0, "done")

    def _behind(self, targets: list[Layer], listed: list[Layer]) -> list[Layer]:
        """The main layers the backward pass meets anyway."""
        if not self.downstream:
            return []
        first = min(layer.order for layer in targets)
        return [x for x in listed if x.main and x.order > first and x not in targets]

    def _predict(
        self, known: KnownSets, chosen: ChosenLayers | None, listed: list[Layer], settings: Settings,
        where: torch.device, tell: Progress,
    ) -> None:  # fmt: skip
        """Make the prediction, and with it what it decides: all pixel sets are known then.

        The passes of windows that will be asked about are kept from it, as far as the budget reaches.
        """
        passes = self.passes
        # without its pixel set the default layer is not known, but it is a main layer
        targets = main_layers(listed) if chosen is None else chosen.layers
        names = [layer.name for layer in [*targets, *self._behind(targets, listed)]] if targets else []
        if not names or not passes.has_room(names, settings, where):
            names = []
        before = passes.calls
        passes.fuse(settings, tell, 0.4, record=names, meets=self._meets(known))
        self._swept = bool(names) and passes.calls > before
        for i, recipe in enumerate(self.question.recipes):
            if not known.is_settled(i):
                known.resolve(i, recipe, self.seen(self.question.classes[i]))
        known.refuse_none()

    def _meets(self, known: KnownSets) -> Callable[[Offset, torch.Tensor], bool]:
        """Whether a window, by its own logits, is likely to meet a pixel set; the others run again if they do."""
        touched: set[Offset] = set()
        for i in known:
            touched.update(Seeds.of(self.passes.plan, known[i].weights, self.session.tolerance).touched)
        classes = {index for i, index in enumerate(self.question.classes) if not known.is_settled(i)}
        head = self.session.model.head

        def meets(offset: Offset, logits: torch.Tensor) -> bool:
            if offset not in touched and any(bool(decide(logits, index, head).any()) for index in classes):
                touched.add(offset)  # also in other folds and mirrorings
            return offset in touched

        return meets

    def _notes(self, known: KnownSets) -> tuple[str, ...]:
        """What is to be said of the outputs."""
        model, passes = self.session.model, self.passes
        found = model_outputs.notes(model, passes.averaged)
        if passes.average is None:
            return found
        union = torch.as_tensor(sum(known[i].weights for i in known))
        return (*found, *model_outputs.saturated_note(model, passes.logits, union))

    def _sums(
        self, runs: dict[int, Run], masks: dict[int, WindowMask], chosen: ChosenLayers, behind: list[Layer],
        taken: dict[int, set[str]],
    ) -> dict[int, list[LayerSums]]:  # fmt: skip
        """What the windows are added to, for every pixel set: layer by layer, then method."""
        question, passes = self.question, self.passes
        rows = [
            (layer, m, question.methods[m])
            for layer, methods in places(question, [*chosen.layers, *behind], passes.window_shape)
            for m in methods
            if not question.methods[m].needs_context or (layer.name in taken[m] and layer not in behind)
        ]
        return {
            i: [
                LayerSums.of(runs[i], layer, method, mask.seeds, passes.plan, mask.m_total)
                for layer, _, method in rows
                if method.at_input or layer in behind or layer in chosen.of(i)
            ]
            for i, mask in masks.items()
        }

    def _add_up(
        self, rows: list[tuple[WindowMask, list[LayerSums]]], targets: Sequence[Layer], free: list[Layer],
        settings: Settings, tell: Progress, room: int,
    ) -> tuple[str, ...]:  # fmt: skip
        """Run the windows of one group; returns notes. room: bytes for activations that wait."""
        passes = self.passes
        masks, sums = [mask for mask, _ in rows], [row for _, row in rows]
        plain = [(mask, [s for s in row if not s.method.needs_context]) for mask, row in rows]
        found: tuple[str, ...] = ()
        some = any(row for _, row in plain)
        if some:
            alone = all(len(own) == len(row) for (_, own), row in zip(plain, sums, strict=True))
            names = frozenset(layer.name for layer in free)
            adding = WindowSums(passes, settings, plain, self.linear, names)
            found = adding.add_up(targets, tell, 1.0 if alone else 0.6, room)
        run = sums[0][0].run
        add_contexts(passes, run, settings, tell, masks, sums, not some, 0.6 if some else 0.4)
        model_outputs.refuse_suspected(passes.model)
        for one in (s for row in sums for s in row):
            one.complete()
        run.collected.flush()
        return found

    def _hand_over(self, run: Run, mask: WindowMask, row: list[LayerSums], known: KnownSets, free: list[Layer]) -> None:
        pixels = known[mask.place]
        if mask.nonfinite is not None:
            run.count_nonfinite(pixels, mask.nonfinite)
        facts = mask.facts(self.passes.plan, len(self.session.model.networks))
        for s in row:
            if s.met or s.layer not in free:
                s.run = run
                self.hand(s.explanation(pixels, mask.total, facts))
