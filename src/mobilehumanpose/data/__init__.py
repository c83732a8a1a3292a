"""Datasets, crops and augmentation."""
