"""Photographs of people that never were, with exact labels: bodies, clothes, motion, scenes."""
