"""The Open Workflow DSL 1.0.3: its documents read, typed, checked, and what is not supported refused by name."""
