"""torchcam with a custom target, which its documentation gives for outputs that are not class scores."""

from torchcam.methods import GradCAM

from agreement import RECTIFIED

from . import Prepared


def prepare(case, row, layers):
    (name,) = layers

    def explain(normalized):
        with GradCAM(case.network, name) as extractor:
            logits = case.network(case.image)
            target = lambda sample: (sample[case.class_index] * case.mask).sum()  # noqa: E731
            return extractor(scores=logits, targets=target, normalized=normalized)[0]

    return Prepared(lambda: explain(True), lambda _: {name: explain(False).detach().numpy()}, RECTIFIED)
