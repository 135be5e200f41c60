"""The command line: a file for each command, named as it is, and what they share. Nothing here imports torch at its top."""
