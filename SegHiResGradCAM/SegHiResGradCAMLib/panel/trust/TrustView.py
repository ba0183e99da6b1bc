"""From the presenter's state to what the panel says about the truth of the shown map."""

from __future__ import annotations

from ...scene.nodes.TrustFacts import numbersText, numbersTip, trustOf, verdictText


def truthOf(presenter, node) -> dict:
    """Fields of the ViewState, for the shown map."""
    trust, paint, segments = presenter.trust, presenter.paint, presenter.segments
    noNumbers = "" if trustOf(node) else "There are no numbers yet: let the map be checked."
    return {
        "verdict": verdictText(node),
        "numbers": numbersText(node),
        "numbersTip": numbersTip(node),
        "checkState": presenter.checks.text(node),
        "checking": presenter.checks.job is not None,
        "regions": paint.options(),
        "region": paint.chosen,
        "paintReason": paint.whyNot(),
        "paintText": paint.text(node),
        "fullReason": trust.whyNot(),
        "segmentsReason": segments.whyNot(),
        "segmentsText": segments.text(node),
        "tableReason": noNumbers,
        "curvesReason": "" if trust.chart() is not None else "The curves come with the full check.",
    }
