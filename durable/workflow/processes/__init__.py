"""`run: script` and `run: shell`: a child process within limits, without network and without our files."""
