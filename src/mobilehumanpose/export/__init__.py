"""One file for each target, and the parity check they share. Needs torch."""
