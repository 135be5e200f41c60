"""From the host's types to ours: configs and built models."""
