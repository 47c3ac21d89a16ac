"""Listeners: what starts functions other than by HTTP."""
