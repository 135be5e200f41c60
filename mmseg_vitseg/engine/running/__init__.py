"""How a program trains or tests: from a command line to the host's Runner, and what is said where that ends early."""
