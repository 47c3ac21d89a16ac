"""A durable engine: orchestrations, activities, timers and external events that survive the death of the host."""

from funchost.durable.engine import DurableEngine

__all__ = ["DurableEngine"]
