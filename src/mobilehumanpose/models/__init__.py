"""The networks, their head, their presets and their files. Needs torch."""
