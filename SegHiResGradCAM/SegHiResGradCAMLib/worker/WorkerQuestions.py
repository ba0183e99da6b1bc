"""What the worker can be asked: one method a job, each returns the request's number at once."""

from __future__ import annotations

#: words of a question beside model, image, pixel set and class
_OPTIONS = {
    "methods", "method", "layers", "layer", "score", "rival", "side", "device", "precision", "memory_budget_bytes",
    "tolerance", "show", "most_cells", "margin_mm", "class_index",
}  # fmt: skip


class WorkerQuestions:
    """The asking half of WorkerClient, which has ``_ask(message, **arrays)`` and ``_words(codeHash, options)``."""

    def describe(self, source) -> int:
        """Result: kind, kind_title, classes, channels, requirements, missing, runs_author_code, consent_sha256."""
        return self._ask({"do": "describe", "model": source})

    def layers(self, source, image, *, codeHash: str = "", **options) -> int:
        """Result: layers (list of LayerInfo) for this image. Options: device, precision, memory_budget_bytes."""
        return self._ask({"do": "layers", "model": source} | self._words(codeHash, options), image=image)

    def explain(self, source, image, pixelSets, *, class_index, codeHash: str = "", **options) -> int:
        """Result: explanations (list of Explanation), layers (list of LayerInfo), session (what it cost and kept).

        image: Image, or ChannelImages; pass the same objects as long as the case is the same, and they are not written
        again.  pixelSets: PixelSets or recipes of protocol.recipes.  codeHash: consent_sha256 of the description;
        it is sent only if consent is on record.  Options: methods, layers, score, rival, side, device, precision,
        memory_budget_bytes, tolerance as open_session and Session.ask take them; those left out or None are the
        engine's choice; and show: {"on": "input" or "layer", "layer": its name, default the first}, then the result
        holds also ``shown``, see :meth:`resample`.
        """
        message = {"do": "explain", "model": source, "class_index": class_index}
        return self._ask(message | self._words(codeHash, options), image=image, pixelSets=list(pixelSets))

    def compare(self, source, image, pixelSets, *, class_index, codeHash: str = "", **options) -> int:
        """Result: rows (dicts, one a method and layer; ``map``: its place among the explanations, or None),
        explanations, layers, session. pixelSets: one.  Options as of :meth:`explain` without show; methods: names or
        "cheap", layers: names or "main"; most_cells: larger maps are measured but do not travel."""
        message = {"do": "compare", "model": source, "class_index": class_index}
        return self._ask(message | self._words(codeHash, options), image=image, pixelSets=list(pixelSets))

    def estimate(self, source, image, pixelSets, *, codeHash: str = "", **options) -> int:
        """Result: windows, of_windows, forward_passes, window_bytes of a question; {} where a model cuts no windows."""
        message = {"do": "estimate", "model": source} | self._words(codeHash, options)
        return self._ask(message, image=image, pixelSets=list(pixelSets))

    def predict(self, source, image, *, codeHash: str = "", **options) -> int:
        """Result: maps (each with labels, held, and classes as of prediction.label_maps), facts, notes, session."""
        return self._ask({"do": "predict", "model": source} | self._words(codeHash, options), image=image)

    def paint(self, source, image, pixelSets, *, class_index, region, codeHash: str = "", **options) -> int:
        """Result: painting (facts, with a sentence), region, before, after (each voxels and grid), notes, session.

        region: a recipe, or (a map's cells, its Grid, share, outside): the part of it that holds this share of the
        evidence; outside: of the evidence that lies outside the pixel set, with a distance.
        Options: margin_mm, and those of :meth:`explain` that name the score and the computing.
        """
        message = {"do": "paint", "model": source, "class_index": class_index} | self._words(codeHash, options)
        arrays = {}
        if isinstance(region, tuple):
            cells, grid, share, outside = region
            part = {"share": share, "outside": outside}
            message["region"] = {"kind": "hottest", "map": {"grid": grid.to_json()}} | part
            arrays["cells"] = [(cells, message["region"]["map"])]
        else:
            arrays["region"] = region
        return self._ask(message, image=image, pixelSets=list(pixelSets), **arrays)

    def trust(self, source, image, pixelSets, *, tier, map, do="trust", codeHash: str = "", **options) -> int:
        """Result: trust (tier, verdict, verdict_sentence, cost, rows, curves), notes, session.

        tier: "fast" or "full".  map: (cells, Grid) of the map that is judged.  Options: class_index, method, layer, and
        those of :meth:`explain` that name the score and the computing.
        """
        message = {"do": do, "model": source, "tier": tier} | self._words(codeHash, options)
        cells, grid = map
        message["map"] = {"grid": grid.to_json()}
        return self._ask(message, image=image, pixelSets=list(pixelSets), cells=[(cells, message["map"])])

    def trustCost(self, source, image, pixelSets, **question) -> int:
        """Result: cost (forwards, text) of what :meth:`trust` would do for the same words."""
        return self.trust(source, image, pixelSets, do="trust_cost", **question)

    def bySegment(self, map, labels, image=None) -> int:
        """Result: rows, one a segment (name, voxels, ml, share, density, distance: values as JSON), notes.

        map: (cells, Grid).  labels: [(label map, its Grid, {label: name})], several where segments overlap.  image: the
        one explained, whose body chance is counted over; None counts it over the whole volume.
        """
        message = {"do": "by_segment", "map": {"grid": map[1].to_json()}, "labels": []}
        cells = [(map[0], message["map"])]
        for array, grid, names in labels:
            told = {"grid": grid.to_json(), "names": {str(label): name for label, name in names.items()}}
            message["labels"].append(told)
            cells.append((array, told))
        return self._ask(message, image=image, cells=cells)

    def resample(self, explanation, target) -> int:
        """Result: shown (voxels, unit, evidence), the map on the voxels of ``target``, a Grid; None: its own cells."""
        message = {"do": "resample", "map": {"grid": explanation.grid.to_json()}, "unit": explanation.unit}
        message["target"] = target.to_json() if target is not None else None
        return self._ask(message, cells=[(explanation.map, message["map"])])

    def probe(self) -> int:
        """Result: devices with free memory, what is kept."""
        return self._ask({"do": "probe"})


def refuseUnknown(options: dict) -> dict:
    """The options; raises TypeError: a misspelt one would be the engine's choice, silently."""
    unknown = set(options) - _OPTIONS
    if unknown:
        raise TypeError(f"unknown options: {', '.join(sorted(unknown))}")
    return options
