"""What the host says when an app or its settings cannot be run."""


class HostError(Exception):
    """A mistake the developer can mend, told without a traceback.

    `what` is the mistake in one sentence, `where` the file (and line or key), `remedy` what to do about it.
    """

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.remedy = remedy

    def lines(self) -> list[str]:
        """The message as it is printed: one to three lines."""
        lines = [f"Error: {self.what}"]
        if self.where:
            lines.append(f"Where: {self.where}")
        if self.remedy:
            lines.append(f"Remedy: {self.remedy}")
        return lines


class InvocationError(Exception):
    """A value of one invocation could not be bound: a missing expression, a wrong type, a refused output."""
