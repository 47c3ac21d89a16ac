"""What the pipelines decide: which services a change concerns, and whether a canary goes on."""
