"""Checkpoint files of other projects from and to ours."""
