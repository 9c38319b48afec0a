"""Coinbase Exchange, the spot proxy of the settlement index."""
