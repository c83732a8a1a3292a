"""How long models take from a photograph to joints: what ``mhp bench`` measures and writes."""
