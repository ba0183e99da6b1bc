"""What a model's outputs are, settled once its network has run: head, logits or probabilities; what is refused.

The order of authority: a word that was stated, then the network's own last step (:mod:`final_activation`).  The
values of an output never change the score: where neither tells and all values could be probabilities, the question ends
in a sentence that names the word to write.
"""

from __future__ import annotations

from contextlib import contextmanager

from ..cam.isolation.one_at_a_time import alone
from ..cam.logits import final_activation
from ..cam.logits.heads import BINARY, NO_ACTIVATION, SIGMOID, SOFTMAX
from ..cam.logits.outputs import Reading
from ..cam.passes.refusals import refuse_constant
from ..protocol.errors import ClassError, ModelError

_ACTIVATIONS = (SIGMOID, SOFTMAX)
#: how far a softmax's probabilities may be from adding up to 1, and any from lying between 0 and 1
_SUM_TOLERANCE = 1e-4


def output_channels(model) -> int:
    """Output channels that the model's classes and head ask for."""
    return 1 if model.head == BINARY else len(model.classes)


class ModelReading(Reading):
    """How one model's networks are read: their own activation left out, one output taken, at the image's size.

    Where windows, mirrorings or folds are averaged, probabilities that cannot be undone stay probabilities: they are
    what is averaged.
    """

    def __init__(self, model):
        super().__init__(model.output, output_channels(model))
        self.activation, self.probabilities = model.activation, averages(model)

    @property
    def key(self) -> tuple:
        return *super().key, self.activation, self.probabilities

    @contextmanager
    def on(self, network):
        with alone(), final_activation.reading(network, self.activation, self.probabilities), super().on(network):
            yield


def reading_of(model) -> ModelReading:
    """How the logits are to be read from what the model's networks return."""
    return ModelReading(model)


def _seen(model):
    return final_activation.seen(model.networks[0], model.output)


def averages(model) -> bool:
    """Whether the model's own inference averages several outputs."""
    return model.windows is not None or len(model.networks) > 1


def activation_of(model) -> str:
    """What the network applies last, "" as long as nothing tells: stated, or seen at its end."""
    return model.activation or _seen(model).kind


def is_left_out(model) -> bool:
    """Whether the network's own activation was left out, so that its passes give exact logits."""
    return model.activation != NO_ACTIVATION and _seen(model).kind in _ACTIVATIONS


def is_undone(model) -> bool:
    """Whether an activation was stated that cannot be left out: the passes give probabilities, or their logarithm."""
    return model.activation in _ACTIVATIONS and not is_left_out(model)


def settle(model, channels: int | None = None) -> None:
    """The head, where nobody stated one, from the number of output channels and the network's own last step.

    channels: of the output; None: as far as known.  Raises ModelError where head and activation contradict each other.
    """
    channels = channels or _seen(model).channels
    activation = activation_of(model)
    if channels == 1 and activation == SOFTMAX:
        raise ModelError(
            "The network ends in a softmax over one channel, which is 1 everywhere.",
            'One output channel is a binary head: leave the softmax out, or state "activation": "sigmoid".',
        )
    if not model.head_stated:
        if channels == 1 and len(model.classes) == 2:
            model.head = BINARY
        elif channels == len(model.classes) and activation == SIGMOID:
            model.head = SIGMOID
    elif activation == SOFTMAX and model.head != SOFTMAX and channels:
        raise ModelError(
            f"The network ends in a softmax and the head is '{model.head}': these exclude each other.",
            'Write "head": "softmax", or leave the word out.',
        )


def check_classes(model, logits) -> None:
    """Raise ModelError if the logits ``[B, C, ...]`` do not fit the model's classes, were made of nothing, or could be
    probabilities."""
    refuse_constant(model.networks[0], logits.detach(), len(model.channels))
    _refuse_unlike_folds(model)
    settle(model, int(logits.shape[1]))
    if logits.shape[1] != output_channels(model):
        hint = "Name every output channel, background included, in its order."
        if logits.shape[1] == 1:
            hint = 'One output channel is a binary head: write "head": "binary" with two classes, background first.'
        raise ModelError(
            f"The network has {logits.shape[1]} output channel(s), its {len(model.classes)} classes with a "
            f"{model.head} head need {output_channels(model)}.",
            hint,
        )
    _look(model, logits)
    if not averages(model):
        refuse_suspected(model)


def _refuse_unlike_folds(model) -> None:
    known = [
        state
        for state in (final_activation.seen(network, model.output) for network in model.networks)
        if state.channels
    ]
    if len({state.kind for state in known}) > 1:
        raise ModelError(
            "The folds' networks do not end alike: some in an activation of their own, others not.",
            "Give folds of one architecture.",
        )


def _look(model, logits) -> None:
    """Note whether these values could be probabilities; nothing is to be noted where something tells."""
    state = _seen(model)
    if activation_of(model) or state.outside:
        return
    values = logits.detach()
    if not bool(values.isfinite().all()):
        return  # an overflow says nothing about what the network returns
    if not bool(((values >= -_SUM_TOLERANCE) & (values <= 1 + _SUM_TOLERANCE)).all()):
        state.outside = True
    elif model.head != SOFTMAX or not model.head_stated:
        state.suspected = True
    elif bool(((values.sum(dim=1) - 1).abs() <= _SUM_TOLERANCE).all()):
        state.suspected = True
    else:
        state.outside = True


def refuse_suspected(model) -> None:
    """Raise ModelError if nothing tells logits from probabilities and every value so far could have been one."""
    states = [final_activation.seen(network, model.output) for network in model.networks]
    if not any(state.suspected for state in states) or any(state.outside for state in states):
        return
    if activation_of(model):
        return
    exclusive = model.head == SOFTMAX and model.head_stated
    word = SOFTMAX if exclusive else SIGMOID
    raise ModelError(
        "All values of the network's output lie between 0 and 1"
        f"{' and add up to 1' if exclusive else ''}: it seems to return probabilities, not logits.",
        f'Write "activation": "{word}" (or "none", if these are logits after all) in the model\'s description, or pass '
        f'activation="{word}" to PlainModel.',
    )


def refuse_lost_logit(model, score) -> None:
    """Raise ClassError for a score that the network's probabilities do not determine."""
    if is_lost(model) and score.name == "logit":
        raise lost_logit()


def is_lost(model) -> bool:
    """Whether only differences of logits are left of the network's output."""
    return is_undone(model) and model.activation == SOFTMAX


def lost_logit() -> ClassError:
    """The refusal of one class's logit where :func:`is_lost`."""
    return ClassError(
        "The network returns a softmax's probabilities, from which the logit of one class cannot be told.",
        "Use the score 'contrast' with a rival class, or 'log_odds': both are exact.",
    )


def window_values(model, runs: int):
    """The function from a window's passes to what the model's own inference averages, or None: the logits themselves.

    runs: outputs that are averaged at a voxel, at most (overlapping windows, mirrorings, folds); of one, nothing is.
    """
    import torch

    if runs == 1 and is_left_out(model):
        return None
    if is_undone(model):
        return lambda outputs: outputs
    if is_left_out(model):
        return torch.sigmoid if activation_of(model) == SIGMOID else lambda logits: torch.softmax(logits, dim=1)
    return None


def log_of_average(model, averaged):
    """What stands for the logits where probabilities ``[B, C, ...]`` were averaged."""
    return final_activation.log_of(averaged, activation_of(model))


def is_linear(model, score, runs: int) -> bool:
    """Whether the score of what is averaged is the average of the windows' scores."""
    if window_values(model, runs) is None:
        return score.linear
    return is_left_out(model) and activation_of(model) == SOFTMAX and score.name == "logit"


def saturated_note(model, logits, weights) -> tuple[str, ...]:
    """The note on voxels of M whose probability float32 cannot tell from 0 or 1.

    logits: ``[C, *spatial]``, as the logarithm of probabilities.  weights: m ``[*spatial]``.
    """
    lost = final_activation.saturated(logits, activation_of(model)).any(dim=0).to(weights.device) & (weights > 0)
    count, of = int(lost.sum()), int((weights > 0).sum())
    if not count:
        return ()
    return (
        f"{count} of {of} voxels of the pixel set have a probability that float32 cannot tell from 0 or 1: their "
        "evidence is lost and counts as 0. Save the network without its activation to see it.",
    )


def notes(model, runs: int = 1) -> tuple[str, ...]:
    """What was assumed or found of the outputs, for the user. runs: as for :func:`window_values`."""
    told = []
    activation, stated = activation_of(model), "stated" if model.activation else "its last step"
    if is_left_out(model):
        told.append(f"The network ends in a {activation}, which was left out: scores are of the logits in front of it.")
        if runs > 1:
            told.append(
                f"Its inference averages the {activation}'s probabilities over windows or folds, and so does the "
                "prediction; the score is their log-odds, and the maps of the windows add up to first order only."
                if activation == SIGMOID
                else "Its inference averages the softmax's probabilities over windows or folds, and so does the "
                "prediction; the score 'logit' is the mean of the windows' logits, contrast and log-odds are those of "
                "the averaged probabilities, whose window maps add up to first order only."
            )
    elif is_undone(model):
        told.append(
            f"The network returns a {activation}'s probabilities ({stated}); the score is formed from their logarithm."
        )
    elif model.activation == NO_ACTIVATION and _seen(model).kind in _ACTIVATIONS:
        told.append(f"The network ends in a {_seen(model).kind}; its output was taken as logits, as stated.")
    if not model.head_stated and model.head in (BINARY, SIGMOID):
        what = {BINARY: "one output channel", SIGMOID: "independent classes"}[model.head]
        told.append(f'No head was stated: read as "{model.head}" ({what}; a class is where its logit is above 0).')
    return tuple(told)


def facts(model) -> dict:
    """The same for the provenance."""
    return {
        "head": model.head,
        "head_stated": model.head_stated,
        "activation": activation_of(model) or "unknown",
        "activation_stated": model.activation is not None,
        "activation_left_out": is_left_out(model),
    }
