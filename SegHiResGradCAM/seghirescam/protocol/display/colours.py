"""The colours of maps, where both buildings draw them. A figure and a slice view differ on purpose, and only here."""

from __future__ import annotations

#: share of matplotlib's "inferno" that is left out at its black end, which would look like a hole in the anatomy: in
#: figures, and in the colour table of the slice views, which draw every visible colour opaque
FIGURE_INFERNO_CUT, TABLE_INFERNO_CUT = 0.25, 0.22
#: of signed maps in figures and in the slice views' colour table: (position 0..1, red, green, blue), straight lines in
#: between; blue opposes, red supports. Figures fade to nothing at zero and need no white there, which would be a veil
FIGURE_SIGNED = (
    (0, 0.03, 0.12, 0.7),
    (0.25, 0.1, 0.4, 1),
    (0.5, 0.35, 0.62, 1),
    (0.5, 1, 0.52, 0.35),
    (0.75, 1, 0.25, 0.1),
    (1, 0.7, 0, 0.08),
)
TABLE_SIGNED = (
    (0, 0.05, 0.2, 0.75),
    (0.3, 0.2, 0.5, 1),
    (0.48, 0.62, 0.8, 1),
    (0.5, 0.97, 0.97, 0.97),
    (0.52, 1, 0.74, 0.66),
    (0.7, 1, 0.38, 0.22),
    (1, 0.75, 0.02, 0.1),
)
