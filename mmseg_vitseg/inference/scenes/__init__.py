"""Pictures that do not fit into memory, predicted in windows: a row of them after the other is read, and written."""
