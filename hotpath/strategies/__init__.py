"""Strategies: small modules behind one protocol (`base.Strategy`)."""
