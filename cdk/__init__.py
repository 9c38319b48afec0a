"""Infrastructure only; imports no runtime code."""
