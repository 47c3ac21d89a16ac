"""The formats of datasets: how each is cut into chunks, and how a chunk becomes rows."""
