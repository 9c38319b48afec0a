"""The live shell: one process from socket to order, around the engine that replay runs, too."""
