"""Recorded sessions: capture files and journals share one line format."""
