"""What the host says when an app or its settings cannot be run."""


class HostError(Exception):
    """A mistake the developer can mend, told without a traceback.

    `what` is the mistake in one sentence, `where` the file (and line or key), `remedy` what to do about it.
    """

    def __init__(self, what: str, *, where: str, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.remedy = remedy

    def lines(self) -> list[str]:
        """The message as it is printed: three lines."""
        return [f"Error: {self.what}", f"Where: {self.where}", f"Remedy: {self.remedy}"]


class InvocationError(Exception):
    """A value of one invocation could not be bound: a missing expression, a wrong type, a refused output."""
