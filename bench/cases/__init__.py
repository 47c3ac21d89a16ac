"""One module a bench; each has `contests(effort)`, which sets up, gives the contests and cleans up."""
