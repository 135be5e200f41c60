"""What is written of predictions, in which formats."""
