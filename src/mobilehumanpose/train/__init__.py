"""The training loop and its recipes. Needs torch."""
