"""Semantic versions in order (semver.org, section 11)."""

from functools import total_ordering


@total_ordering
class Precedence:
    """A version as something to compare; build metadata does not count."""

    def __init__(self, version: str) -> None:
        core, _, pre = version.split("+", 1)[0].partition("-")
        self.core = tuple(int(part) for part in core.split("."))
        self.pre = tuple(_identifier(part) for part in pre.split(".")) if pre else ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Precedence) and (self.core, self.pre) == (other.core, other.pre)

    def __lt__(self, other: "Precedence") -> bool:
        return (self.core, not self.pre, self.pre) < (other.core, not other.pre, other.pre)

    def __hash__(self) -> int:
        return hash((self.core, self.pre))


def _identifier(text: str) -> tuple[int, int, str]:
    """Numbers before words; numbers by value, words by their characters."""
    return (0, int(text), "") if text.isdigit() else (1, 0, text)
