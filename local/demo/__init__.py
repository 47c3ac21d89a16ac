"""The main job, end to end, as its user sees it: flight records in, a report out, through the edge only."""
