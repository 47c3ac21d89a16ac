"""Durable jobs: one orchestration that plans, fans out over queues, waits, reduces and ends."""
