"""Runs a definition: pure generators that yield what they wait for and leave every effect to activities."""
