"""What a build can't do."""


class KustomizeError(ValueError):
    """A kustomization that can't be built here; the message names the folder, the field and the reason."""
