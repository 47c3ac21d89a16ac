"""Reading delimited text: where records end, and what their fields mean."""
