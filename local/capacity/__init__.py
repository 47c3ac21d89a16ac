"""How many replicas, how long people wait and what it costs when the load grows: a simulation of the scale rules."""
