"""What the user may choose about how a map looks; nothing here changes a stored value."""

from __future__ import annotations

from dataclasses import dataclass, fields

from ...setup.Translation import _

TABLES = ("Inferno", "Hot metal", "Viridis")  # unsigned maps; signed maps always use the diverging table  # no tr
DIVERGING = "Blue-white-red"


@dataclass(frozen=True)
class DisplaySettings:
    """How an overlay is shown.

    share: the visible region is the smallest one that holds this share (0..1] of the evidence.
    signed: False shows the evidence for the class, True shows both signs (red supports, blue opposes).
    colorTable: one of TABLES, for unsigned maps.
    opacity: of the foreground layer, 0..1.
    maximum: the value at the end of the colour scale, in the map's unit; None takes the map's own largest value.
    Give the same maximum to two maps that are compared.
    smooth: interpolate between voxels; off shows the cells as they are (a 12 mm cell is not a 1 mm finding).
    """

    share: float = 0.8
    signed: bool = False
    colorTable: str = "Inferno"
    opacity: float = 0.7
    maximum: float | None = None
    smooth: bool = True
    legend: bool = True
    foreground: bool = True

    def __post_init__(self) -> None:
        valid, reason = self.isValid()
        if not valid:
            raise ValueError(reason)

    def isValid(self) -> tuple[bool, str]:
        """(True, "") or (False, why not)."""
        if not 0 < self.share <= 1:
            return False, _("The share of the evidence lies between 0 and 1, got {share}.").format(share=self.share)
        if not 0 <= self.opacity <= 1:
            return False, _("The opacity lies between 0 and 1, got {opacity}.").format(opacity=self.opacity)
        if self.colorTable not in TABLES:
            return False, _("There is no colour table '{colorTable}'; choose one of {names}.").format(
                colorTable=self.colorTable, names=", ".join(TABLES)
            )
        if self.maximum is not None and not self.maximum > 0:
            return False, _("The end of the colour scale must be above zero, got {maximum}.").format(
                maximum=self.maximum
            )
        return True, ""


#: what is on or off; the panel has a check box "<name>CheckBox" for each
SWITCHES = tuple(one.name for one in fields(DisplaySettings) if isinstance(one.default, bool))
