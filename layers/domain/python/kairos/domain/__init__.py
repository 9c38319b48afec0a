"""Pure trading concepts: no clock, no I/O, no randomness, no environment."""
