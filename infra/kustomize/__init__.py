"""Builds the overlays of `keda/` without the kustomize binary: the features that they use, and no others.

Where `kubectl kustomize` is there, tests compare the two, object by object.
"""

from infra.kustomize.build import build
from infra.kustomize.errors import KustomizeError

__all__ = ["KustomizeError", "build"]
