"""Reading a config, and building what it says."""
