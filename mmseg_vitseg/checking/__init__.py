"""Looking through a config for what would break or spoil its training, before anything is built; ``checks`` lists it."""
