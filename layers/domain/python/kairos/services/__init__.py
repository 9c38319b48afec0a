"""Use cases: what the system does, told through ports and pure concepts."""
