"""Reading checkpoint files safely and loading them whole or not at all."""
