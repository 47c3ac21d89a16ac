"""Every performance figure as a command: ours beside a peer or a limit, in turn, in the same run."""
