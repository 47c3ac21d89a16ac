"""Azurite, Microsoft's emulator of Azure Storage, pinned by the package-lock.json beside this file."""

from local.azurite.server import Azurite, AzuriteError, azurite_command, connection_string

__all__ = ["Azurite", "AzuriteError", "azurite_command", "connection_string"]
