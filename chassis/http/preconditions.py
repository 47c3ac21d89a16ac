"""Conditional requests (RFC 9110 section 13): what If-Match and If-None-Match name, and whether it is there.

A list that can't be read is refused where it guards a change: what the caller wanted to keep would else be lost. Where
it only saves an answer, it is ignored.
"""

import re
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Request

from chassis.errors import InvalidInput, PreconditionFailed

_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_LIST = re.compile(rf"[ \t,]*(?:{_TAG}[ \t]*(?:,[ \t,]*|\Z))*")
_TAGS = re.compile(_TAG)
_WEAK = "W/"
MAX_LENGTH = 1024
"""Characters of a condition."""


class MalformedCondition(InvalidInput):
    """An If-Match or If-None-Match that is neither `*` nor a list of entity tags."""

    code, title = "platform.malformed-condition", "The condition is no list of entity tags"


@dataclass(frozen=True)
class EntityTags:
    """The entity tags that a condition names, as they are written."""

    tags: frozenset[str] = frozenset()
    any: bool = False
    """`*`: whatever there is."""

    @classmethod
    def read(cls, text: str) -> "EntityTags":
        """The tags of a field's value. Raises MalformedCondition."""
        if text.strip(" \t") == "*":
            return cls(any=True)
        if _LIST.fullmatch(text) is None:
            raise MalformedCondition('send * or entity tags in quotes, such as "abc", with commas between them')
        return cls(frozenset(_TAGS.findall(text)))

    def have_strongly(self, present: str | None) -> bool:
        """Whether the present state (None: there is none) is named; a weak tag never names it (If-Match)."""
        if present is None or self.any:
            return present is not None
        return not present.startswith(_WEAK) and present in self.tags

    def have_weakly(self, present: str | None) -> bool:
        """Likewise, and weak tags count as strong ones do (If-None-Match)."""
        if present is None or self.any:
            return present is not None
        return present.removeprefix(_WEAK) in {tag.removeprefix(_WEAK) for tag in self.tags}


@dataclass(frozen=True)
class Precondition:
    """What must be so for a change to be made; None: not asked for."""

    if_match: EntityTags | None = None
    if_none_match: EntityTags | None = None

    def holds(self, present: str | None) -> bool:
        """Whether it is so of the ETag of the present state; None: there is none."""
        if self.if_match is not None and not self.if_match.have_strongly(present):
            return False
        return self.if_none_match is None or not self.if_none_match.have_weakly(present)


def require(condition: Precondition | None, present: str | None, failed: type[PreconditionFailed]) -> None:
    """Raise `failed` unless the condition, where there is one, holds for the present ETag (None: nothing is there)."""
    if condition is not None and not condition.holds(present):
        raise failed("read the present state and its ETag, then try again")


def is_unchanged(if_none_match: EntityTags | None, present: str) -> bool:
    """Whether a reader has the present state already (304)."""
    return if_none_match is not None and if_none_match.have_weakly(present)


async def _condition(
    request: Request,
    if_match: Annotated[
        str | None,
        Header(alias="If-Match", max_length=MAX_LENGTH, description="Only if the present state has one of these ETags"),
    ] = None,
    if_none_match: Annotated[
        str | None,
        Header(
            alias="If-None-Match",
            max_length=MAX_LENGTH,
            description="Only if the present state has none of these ETags; `*`: only if there is none",
        ),
    ] = None,
) -> Precondition | None:
    wanted, unwanted = _sent(request, "if-match"), _sent(request, "if-none-match")
    if wanted is None and unwanted is None:
        return None
    return Precondition(*(None if text is None else EntityTags.read(text) for text in (wanted, unwanted)))


async def _known(
    request: Request,
    if_none_match: Annotated[
        str | None,
        Header(alias="If-None-Match", max_length=MAX_LENGTH, description="304 if the present state has one of these"),
    ] = None,
) -> EntityTags | None:
    text = _sent(request, "if-none-match")
    try:
        return None if text is None else EntityTags.read(text)
    except MalformedCondition:
        return None


def _sent(request: Request, name: str) -> str | None:
    """The value of all fields with this name (RFC 9110 section 5.3)."""
    lines = request.headers.getlist(name)
    return ", ".join(lines) if lines else None


Condition = Annotated[Precondition | None, Depends(_condition)]
"""A parameter of a route that changes something with an ETag: what `require` takes."""

IfNoneMatch = Annotated[EntityTags | None, Depends(_known)]
"""A parameter of a route that reads something with an ETag: what `is_unchanged` takes."""
