"""Workflow definitions of the Open Workflow DSL 1.0.3, run by one generic durable orchestrator."""
