"""``SampleData``: remembers what was registered; downloads nothing."""

from __future__ import annotations

#: keyword arguments of each registered source, and (name, title) of each category
sources: list[dict] = []
categories: list[tuple] = []


_FACTS = set(
    "category sampleName uris fileNames nodeNames customDownloader thumbnailFileName loadFileType loadFileTypes "
    "loadFiles loadFileProperties checksums".split()
)


class SampleDataLogic:
    @staticmethod
    def registerCustomSampleDataCategory(name, title=None):
        categories.append((name, title))

    @staticmethod
    def registerCustomSampleDataSource(**facts):
        unknown = set(facts) - _FACTS
        if unknown:
            raise TypeError(f"registerCustomSampleDataSource has no {', '.join(sorted(unknown))}")
        sources.append(facts)
