"""Hooks of the Runner that a config can name."""
