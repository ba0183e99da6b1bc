"""Reading the YAML a stranger wrote, within the limits of :mod:`untrusted`; needs PyYAML."""

from __future__ import annotations

import re

from ...protocol.errors import DependencyError
from ...protocol.untrusted import DEEPEST, short

#: bytes of a YAML document, and what it may say
_LARGEST_YAML, _MOST_EVENTS = 1_000_000, 20_000
#: YAML reads 1:1:1 as a number to the base of 60, in a time that grows with the square of its length
_LONG_NUMBER = re.compile(r"[-+0-9:_.,]{200,}")


def yaml_value(data: bytes):
    """What a YAML document says. Raises ValueError as :func:`json_value`, DependencyError without PyYAML.

    Aliases count as often as they stand there: a few of them, one within the other, are more than the memory holds.
    """
    try:
        import yaml
    except ImportError as error:
        raise DependencyError.of("Reading this bundle's YAML configuration", "pyyaml") from error
    if len(data) > _LARGEST_YAML:
        raise ValueError(f"it has {len(data)} bytes, which no configuration needs")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _refuse_vast(yaml, yaml.parse(data, Loader=loader))
        return yaml.load(data, Loader=loader)
    except yaml.YAMLError as error:
        raise ValueError(short(error)) from error
    except (RecursionError, MemoryError, OverflowError, TypeError, AttributeError, LookupError) as error:
        # what the loader itself stumbles over: dates that are none, keys that cannot be keys
        raise ValueError(f"it is no plain data ({type(error).__name__})") from error


def _refuse_vast(yaml, events):
    """Raises ValueError for a YAML document with too many nodes, aliases counted as what they stand for."""
    sizes, total, stack = {}, 0, []  # stack: [anchor, nodes so far]

    def add(count):
        if stack:
            stack[-1][1] += count

    for seen, event in enumerate(events):
        if isinstance(event, (yaml.SequenceStartEvent, yaml.MappingStartEvent)):
            stack.append([event.anchor, 1])
            sizes.pop(event.anchor, None)
        elif isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
            anchor, count = stack.pop()
            if anchor:
                sizes[anchor] = count
            add(count)
            total = max(total, count)
        elif isinstance(event, yaml.ScalarEvent):
            if _LONG_NUMBER.fullmatch(event.value):
                raise ValueError("it holds a number of more than 200 digits")
            if event.anchor:
                sizes[event.anchor] = 1
            add(1)
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in sizes:
                raise ValueError("it refers to itself or to nothing")
            add(sizes[event.anchor])
        if seen > _MOST_EVENTS or total > _MOST_EVENTS or len(stack) > DEEPEST:
            raise ValueError("it holds too many values, or is nested too deeply")
        if stack and stack[-1][1] > _MOST_EVENTS:
            raise ValueError("its aliases stand for too many values")
