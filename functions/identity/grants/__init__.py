"""The grants of the token endpoint, one module each: what was sent in, who the token speaks for out."""
