"""What every Kairos process shares: the domain, the messages, the ports and the adapters."""

__version__ = "0.1.0"
