"""The catalog: every segment's definition, and the version that grows with each edit.

A segment has an ordinal, given once and never reused, by which packed memberships name it. Its own `version` is the
catalog's at its last edit, so that a membership can be told to be older than the definition.

Segments are written by people through the API, and by the operator's file. Whoever edited last is right: the catalog
remembers what the file said of each segment, so that a file which says the same again undoes nobody's edit.

It is a long file, because every edit, what is checked of it and the document have to agree on the same few fields.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, Self

import orjson

from services.segmentation.anatomy import asks, bound_exceeded, models_in, segments_in
from services.segmentation.composition import objection, order, users_of
from services.segmentation.index import Index
from services.segmentation.keep import KeepList
from services.segmentation.models.registry import Registry, segments_named
from services.segmentation.ready import Ready, made_ready
from services.segmentation.rules import nodes
from services.segmentation.rules.errors import RuleError
from services.segmentation.rules.leaves import Leaves
from services.segmentation.rules.outputs import Outputs
from services.segmentation.rules.parse import parse
from services.segmentation.rules.vocabulary import ModelKinds
from services.segmentation.segment import Segment, SegmentDefinition

__all__ = ["BadRule", "Catalog", "Ready", "Segment", "SegmentDefinition", "SegmentInUse", "TooManySegments"]

MAX_SEGMENTS = 10_000
MAX_LINEAGE = 1_024
"""Edits, new snapshots among them, that a catalog knows itself to be made of; a membership from before them is
evaluated as a whole."""
MAX_DELETED = 1_000


class TooManySegments(ValueError):
    """The catalog is full."""


class SegmentInUse(ValueError):
    """The rules of other segments, `users`, or the definitions of `models` name the one that was to be deleted."""

    def __init__(self, users: Sequence[str], models: Sequence[str] = ()) -> None:
        told = [f"the rules of {_some(users)}"] * bool(users) + [f"the models {_some(models)}"] * bool(models)
        super().__init__(f"it is named by {' and '.join(told)}")
        self.users, self.models = users, models


class BadRule(ValueError):
    """The rule of one of several segments cannot be accepted."""

    def __init__(self, segment_id: str, error: RuleError) -> None:
        super().__init__(f"segment {segment_id}: {error}")
        self.error = error


@dataclass(frozen=True)
class Catalog:
    version: int = 0
    next_ordinal: int = 0
    segments: Mapping[str, Segment] = field(default_factory=dict)
    from_file: Mapping[str, str] = field(default_factory=dict)
    """The digest of what the operator's file said last of each segment that it ever named."""
    lineage: tuple[int, ...] = ()
    """The versions that led to this one, itself included, the newest last."""
    deleted: Mapping[int, str] = field(default_factory=dict)
    """The ids of the segments deleted last, by ordinal."""
    earlier: Mapping[str, Ready] = field(default_factory=dict, repr=False, compare=False)
    """What an earlier catalog had ready, to be used again where nothing was edited."""
    index_before: Index | None = field(default=None, repr=False, compare=False)
    """That of an earlier catalog."""
    shared: Leaves = field(default_factory=Leaves, repr=False, compare=False)
    """The leaves that rules share, over all edits."""
    registry: Registry = field(default_factory=Registry)
    """The models that rules may name."""

    @cached_property
    def by_ordinal(self) -> Mapping[int, Segment]:
        return {segment.ordinal: segment for segment in self.segments.values()}

    @cached_property
    def outputs(self) -> Outputs:
        """What models say, by the snapshots that are at hand."""
        return self.registry.outputs(self.shared)

    @cached_property
    def ready(self) -> Mapping[str, Ready]:
        """Every segment by its id, after those that it is composed of."""
        found: dict[str, Ready] = {}
        self.outputs  # noqa: B018 - tells the leaves what models look at, before any is made
        for segment_id in order(self._uses):
            segment = self.segments[segment_id]
            parts = {used: found[used] for used in segment.uses}
            told = {name: since for name in segment.models if (since := self.registry.told_since(name)) is not None}
            before = self.earlier.get(segment_id)
            known = before is not None and before.is_made_of(segment, parts, told)
            found[segment_id] = before if before and known else made_ready(segment, parts, self.shared, told)
        return found

    @cached_property
    def index(self) -> Index:
        """What an event concerns. It is the earlier one where only what models say is another, and so is all that was
        worked out by it of users."""
        before = self.index_before
        return before if before is not None and before.is_of(self.ready) else Index(self.ready)

    @property
    def index_made(self) -> Index | None:
        """The index, if anybody has asked for it, else the one before."""
        return self.__dict__.get("index", self.index_before)

    def edited_since(self, version: int) -> Collection[str]:
        """The segments of which something was edited after a version of the catalog.

        All of them where that version did not lead to this one: Redis lost it in a failover, and another edit came.
        """
        if version not in self._edited:
            since = self._followed_since(version)
            self._edited[version] = frozenset(name for name, each in self.ready.items() if each.version > since)
        return self._edited[version]

    def outdated_since(self, version: int) -> Collection[str]:
        """The same, and those that depend on a model which says something else since.

        A lookup answers by what the model said before, until the user's next event or the pass in the background.
        """
        if version not in self._outdated:
            since = self._followed_since(version)
            retold = (name for name, each in self.ready.items() if each.retold > since)
            self._outdated[version] = frozenset(retold).union(self.edited_since(version))
        return self._outdated[version]

    def with_parts(self, segment_ids: Collection[str]) -> Iterable[Ready]:
        """Some segments and all that they are composed of, in the order of evaluation."""
        wanted = set(segment_ids)
        for segment_id in reversed(list(self.ready)):
            if segment_id in wanted:
                wanted.update(self.ready[segment_id].parts)
        return [each for segment_id, each in self.ready.items() if segment_id in wanted]

    def put(self, segment_id: str, definition: SegmentDefinition, keep: KeepList) -> "Catalog":
        """The catalog with this definition; the same object when nothing changes.

        Raises RuleError, also where the rule names what `keep` does not hold, and TooManySegments.
        """
        try:
            return self.put_all({segment_id: definition}, keep)
        except BadRule as error:
            raise error.error from None

    def put_all(self, definitions: Mapping[str, SegmentDefinition], keep: KeepList) -> "Catalog":
        """The same for several, which may name each other. Raises BadRule and TooManySegments."""
        models = self.registry.kinds
        changed = {name: each for name, each in definitions.items() if not self.holds(name, each)}
        rules = {name: _checked(name, definitions[name], keep, lambda _: None, models) for name in definitions}
        uses = self._uses | {name: segments_in(rule) for name, rule in rules.items()}
        for name, definition in definitions.items():
            _checked(name, definition, keep, objection(name, uses), models)
        if not changed:
            return self
        version, next_ordinal, segments = self.version + 1, self.next_ordinal, dict(self.segments)
        for name, definition in changed.items():
            before = segments.get(name)
            ordinal = next_ordinal if before is None else before.ordinal
            next_ordinal += before is None
            segments[name] = Segment(
                name, ordinal, version, definition, uses[name], asks(rules[name]), models_in(rules[name])
            )
        if len(segments) > MAX_SEGMENTS:
            raise TooManySegments(f"there would be more than {MAX_SEGMENTS} segments")
        after = self.after_edit(next_ordinal=next_ordinal, segments=segments)
        after._refuse_large(self.version, list(changed))
        return after

    def put_file(self, definitions: Mapping[str, SegmentDefinition], keep: KeepList) -> "Catalog":
        """The catalog after an operator's file: what the file says anew is put, and is the newest edit.

        What it said before already is left as it is now, be it edited or deleted since, and so is what it does not
        name. The same object when the file says nothing new. Raises BadRule and TooManySegments.
        """
        said = {name: definition.digest for name, definition in definitions.items()}
        news = {name: definitions[name] for name, word in said.items() if self.from_file.get(name) != word}
        if said == self.from_file:
            return self
        after = self.put_all(news, keep)
        return replace(after if after is not self else self.after_edit(), from_file=said)

    def holds(self, segment_id: str, definition: SegmentDefinition) -> bool:
        before = self.segments.get(segment_id)
        return before is not None and before.definition == definition

    def owner(self, segment_id: str) -> Literal["file", "api"]:
        """Whose definition of a segment is in force."""
        return "file" if self.from_file.get(segment_id) == self.segments[segment_id].definition.digest else "api"

    def delete(self, segment_id: str) -> "Catalog":
        """The catalog without this segment; the same object when there is none. Raises SegmentInUse."""
        if segment_id not in self.segments:
            return self
        users, models = users_of(segment_id, self._uses), self._models_of(segment_id)
        if users or models:
            raise SegmentInUse(users, models)
        rest = dict(self.segments)
        deleted = {**self.deleted, rest.pop(segment_id).ordinal: segment_id}
        return self.after_edit(segments=rest, deleted=dict(list(deleted.items())[-MAX_DELETED:]))

    def dated(self, now_ms: int) -> "Catalog":
        """Right after an edit: the same with the moment of the edit as its version, unless it is beyond that already.

        So a number is not used twice, even where Redis loses an edit in a failover and does not know its number.
        """
        if now_ms <= self.version:
            return self
        segments = {
            name: replace(each, version=now_ms) if each.version == self.version else each
            for name, each in self.segments.items()
        }
        registry = self.registry.dated(self.version, now_ms)
        return replace(self, version=now_ms, lineage=(*self.lineage[:-1], now_ms), segments=segments, registry=registry)

    def encode(self) -> bytes:
        """The catalog's one document, as JSON."""
        document = {
            "version": self.version,
            "next_ordinal": self.next_ordinal,
            "segments": [segment.row for segment in self.segments.values()],
            "from_file": self.from_file,
            "lineage": self.lineage,
            "deleted": list(self.deleted.items()),
            "models": [model.row for model in self.registry.models.values()],
            "models_from_file": self.registry.from_file,
        }
        return orjson.dumps(document)

    @classmethod
    def decode(cls, data: bytes, before: Self | None = None) -> Self:
        """Read what `encode` wrote. What was not edited since `before` is used again, its rules above all."""
        document, before = orjson.loads(data), before or cls()
        segments = {segment.id: segment for segment in _segments(document["segments"], before.segments)}
        version, from_file = document["version"], document.get("from_file", {})
        # An earlier release counted its edits from one on, and told no lineage.
        lineage = tuple(document.get("lineage", range(max(1, version - MAX_LINEAGE + 1), version + 1)))
        deleted = dict(document.get("deleted", ()))
        registry = before.registry.after(document.get("models", ()), document.get("models_from_file", {}))
        return cls(
            version,
            document["next_ordinal"],
            segments,
            from_file,
            lineage,
            deleted,
            before.ready,
            before.index_made,
            before.shared,
            registry,
        )

    def with_registry(self, registry: Registry) -> "Catalog":
        """The same with other snapshots at hand; that is no edit."""
        return replace(self, registry=registry)

    def after_edit(self, **changes: Any) -> "Catalog":
        """With some other fields, as the next version."""
        version = self.version + 1
        lineage = (*self.lineage, version)[-MAX_LINEAGE:]
        whole = replace(self, version=version, lineage=lineage, **changes)
        return replace(whole, earlier=self.ready, index_before=self.index_made)

    def _followed_since(self, version: int) -> int:
        """The version, where it led to this one; else 0."""
        lost = 0 < version < self.version and version not in self.lineage
        return 0 if lost else version

    def _models_of(self, segment_id: str) -> list[str]:
        """Those that learn of a segment's users."""
        models = self.registry.models.items()
        return sorted(name for name, model in models if segment_id in segments_named(model.definition))

    def _refuse_large(self, since: int, changed: Sequence[str]) -> None:
        edited = self.edited_since(since)
        for segment_id, each in self.ready.items():
            if segment_id in edited and (bound := bound_exceeded(each.levels, each.conditions)):
                blamed = segment_id if segment_id in changed else changed[0]
                raise BadRule(blamed, RuleError(1, 1, f"more, in the segment {segment_id}", bound))

    @property
    def _uses(self) -> dict[str, tuple[str, ...]]:
        return {segment_id: segment.uses for segment_id, segment in self.segments.items()}

    @cached_property
    def _edited(self) -> dict[int, Collection[str]]:
        return {}

    @cached_property
    def _outdated(self) -> dict[int, Collection[str]]:
        return {}


def _some(names: Sequence[str]) -> str:
    return f"{', '.join(names[:10])}{', …' if len(names) > 10 else ''}"


def _checked(
    segment_id: str,
    definition: SegmentDefinition,
    keep: KeepList,
    object_to: Callable[[str], str | None],
    models: ModelKinds,
) -> nodes.Rule:
    try:
        return parse(definition.rule, keep, object_to, models)
    except RuleError as error:
        raise BadRule(segment_id, error) from None


def _segments(rows: Iterable[dict[str, Any]], known: Mapping[str, Segment]) -> Iterable[Segment]:
    for row in rows:
        before = known.get(row["id"])
        if before is not None and before.row == row:
            yield before
        else:
            definition = SegmentDefinition.model_validate(row["definition"])
            uses = tuple(row.get("uses", ()))
            models = tuple(row.get("models", ()))
            yield Segment(row["id"], row["ordinal"], row["version"], definition, uses, row.get("asks", False), models)
