"""YAML as people write it, in bounds: duplicate keys are refused, and every mistake is one error with its place.

PyYAML raises many types for what is not YAML, follows aliases of aliases without end, and takes the second of two equal
keys. Files that people write are read here.
"""

from __future__ import annotations

import yaml

MOST_VALUES = 100_000
"""In one text; aliases of aliases multiply them."""
_TOO_MANY = f"holds more than {MOST_VALUES:,} values, or itself; look for aliases of aliases"
_MERGE = "tag:yaml.org,2002:merge"


class YamlError(ValueError):
    """What is wrong with a text. `place` is ``line:column``, empty where none is known. The message may repeat text."""

    def __init__(self, message: str, place: str = "") -> None:
        super().__init__(message)
        self.place = place

    def at(self, name: str) -> str:
        """Return the sentence with the place in a file of this name."""
        return f"{name}:{self.place}: {self}" if self.place else f"{name}: {self}"


class _StrictLoader(yaml.SafeLoader):
    """YAML that refuses duplicate keys; otherwise the second silently replaces the first."""

    _nodes = 0
    _merged = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose a value or key, in bounds: a node takes a hundred times the room of its text."""
        self._nodes += 1
        if self._nodes > MOST_VALUES:
            raise yaml.composer.ComposerError(None, None, _TOO_MANY, self.peek_event().start_mark)  # type: ignore[no-untyped-call]  # PyYAML's stubs have no types here
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            if key_node.tag == _MERGE:
                continue
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                mark = key_node.start_mark
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} is given twice", mark)
            seen.add(key)
        return super().construct_mapping(node, deep)

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Merge what `<<` names, in bounds: this is called for each mapping that is merged, before it is copied."""
        super().flatten_mapping(node)
        self._merged += len(node.value)
        if self._merged > MOST_VALUES:
            raise yaml.constructor.ConstructorError(None, None, _TOO_MANY, node.start_mark)


def parse_yaml(text: str) -> object:
    """Return what a text means, None for an empty one. Raises YamlError."""
    try:
        tree: object = yaml.load(text, _StrictLoader)  # noqa: S506  # a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise YamlError(error.problem or "is not YAML", place) from None
    except yaml.YAMLError as error:
        raise YamlError(str(error)) from None
    except RecursionError:
        raise YamlError("values are nested too deeply") from None
    except (ValueError, TypeError, AttributeError, OverflowError) as error:  # PyYAML's constructors raise all of these
        raise YamlError(f"a value cannot be read: {error}") from None
    if not _bounded(tree):
        raise YamlError(_TOO_MANY)
    return tree


def _bounded(tree: object) -> bool:
    """Return whether a tree holds at most `MOST_VALUES` values; one that an alias repeats counts each time."""
    count, waiting = 0, [tree]
    while waiting:
        node = waiting.pop()
        inner = list(node.values()) if isinstance(node, dict) else node if isinstance(node, list) else ()
        count += len(inner)
        if count > MOST_VALUES:
            return False
        waiting.extend(inner)
    return True
