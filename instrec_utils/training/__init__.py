"""Runs: their settings, their training and their results."""
