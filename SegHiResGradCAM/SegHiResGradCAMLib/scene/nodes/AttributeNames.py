"""The names under which we leave facts in a scene; changing one breaks scenes that users saved."""

PREFIX = "SegHiResGradCAM."

INPUT_VOLUME_ROLE = PREFIX + "InputVolume"
SEGMENTATION_ROLE = PREFIX + "Segmentation"
FORMER_FOREGROUND_ROLE = PREFIX + "FormerForeground"
COMPARISON_ROLE = PREFIX + "ComparisonTable"

EXPLANATION = PREFIX + "Explanation"
PREDICTION = PREFIX + "Prediction"
COLOR_TABLE = PREFIX + "ColorTable"
FORMER_OPACITY = PREFIX + "FormerOpacity"
SETTINGS = PREFIX + "DisplaySettings"
COMPARISON = PREFIX + "Comparison"
OF_COMPARISON = PREFIX + "OfComparison"
UNFINISHED = PREFIX + "Unfinished"

RESULT_ROLE = PREFIX + "Result"
ATTACHED = PREFIX + "Attached"
OF_LAYER = PREFIX + "OfLayer"
TRUST = PREFIX + "Trust"
PAINTING = PREFIX + "Painting"
CAUSES = PREFIX + "Causes"
