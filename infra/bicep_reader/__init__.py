"""Reads Bicep files: what they declare, as far as that is written in literals."""

from infra.bicep_reader.document import Declaration, Document, Expression, read_bicep

__all__ = ["Declaration", "Document", "Expression", "read_bicep"]
