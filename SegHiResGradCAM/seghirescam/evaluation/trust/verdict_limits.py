"""By what the full tier judges, and why. evaluation.json tells all of these by their names."""

from __future__ import annotations

#: random orders of the context, seeds seed + 1 ...
ORDERS = 5
#: A context-deletion gain must exceed this many standard deviations of the random orders.  Reason: a map without any
#: knowledge is one more random order; with five of them it passes in about 1 case of 14 (Student's t, 4 degrees of
#: freedom, the mean's own error counted).  More orders make the test stricter, not the rule.
GAIN_SDS = 2.0
#: At or above this rank correlation two maps count as the same map, below it as different ones.  Reason: the rule of
#: Arun et al. (Radiology AI 2021) takes the likeness of maps of different cases as baseline, and one case has none;
#: 0.5 is where one map's ranks explain a quarter of the other's variance.  One line for both questions: what a
#: randomised network's map must stay below, a map under noise must stay above, so that the map owes more to the
#: trained weights than to noise.
SAME = 0.5
#: The context counts as used if removing all of it lowers the mean score by more than this share of the score.
#: Reason: below that no order of removal can be told from another by what it does; a tenth is the least that is still
#: large beside what the removal itself (a blurred rim) does to a network that looks at M alone.
CONTEXT_USED = 0.1
#: Where the network does not use the context, so much of the way from chance to 1 the share of the positive evidence at
#: M (in the blocks that meet it) must go.  Reason: a map that puts the larger part of what is not there by chance where
#: the network does not look is wrong whatever its order.
AT_M = 0.5
#: Cells that must carry a value before a rank correlation is judged.  Reason: two unrelated maps of fewer cells reach
#: SAME by luck in more than 1 case of 200.
LEAST_CELLS = 30
#: At or above this cosine a map is the one that its method gives when it is asked again; below RELATED it is another
#: map.  Reason: in one precision the same question gives the same numbers but for rounding (0.99999), while the map of
#: the probability instead of the logit, the closest of the wrong ones, reached 0.997 at most on the 40 exploring maps
#: (reporting: above 0.999 in 1 of 305).  Between the two it may
#: be the same map in another precision or another score's: not judged.
SAME_MAP = 0.999
RELATED = 0.9
#: so much of the positive evidence do the cells hold that are zeroed at the layer
EVIDENCE_REMOVED = 0.5
#: as many random cells are zeroed that many times; the map's must lower the score more than all of them.  Reason: one
#: random set among 20 is the best in 1 case of 20.
DRAWS = 19
#: so many sets of as many cells there must be.  Reason: among fewer the map's is the best by luck more often than that.
LEAST_SETS = DRAWS + 1


def to_json() -> dict:
    return {name.lower(): value for name, value in globals().items() if name.isupper()}
