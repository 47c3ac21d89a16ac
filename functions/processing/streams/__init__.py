"""Streams: event-time windows over messages, with state by partition that is counted exactly once."""
