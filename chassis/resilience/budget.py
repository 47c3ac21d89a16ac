"""Retry budget: retries are a share of the calls, so that a struggling target is not drowned in them."""


class RetryBudget:
    """Each call earns a fifth of a retry, at most ten are saved (the shape of Finagle's RetryBudget)."""

    def __init__(self, share: float = 0.2, most: float = 10.0) -> None:
        self._share = share
        self._most = most
        self._saved = most

    def earn(self) -> None:
        """A first attempt was made."""
        self._saved = min(self._most, self._saved + self._share)

    def spend(self) -> bool:
        """Whether one more retry may be made; takes it from the budget."""
        if self._saved < 1:
            return False
        self._saved -= 1
        return True
