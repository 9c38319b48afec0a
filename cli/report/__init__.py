"""Turns one finished replay into a page a trader can judge and an engineer can check."""
