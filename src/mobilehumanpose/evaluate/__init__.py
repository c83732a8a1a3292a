"""Metrics and the protocols that apply them."""
