"""Photographs of people that never were: bodies, motion, wardrobe, scenes and their labels."""
