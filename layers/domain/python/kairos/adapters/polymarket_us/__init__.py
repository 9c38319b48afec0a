"""Polymarket US (QCX, a US exchange): Ed25519 keys, one book per market, no client order ids."""
