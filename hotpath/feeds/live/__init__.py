"""The socket shell: connections to venues become capture lines, and nothing else of the hot path
knows that there are sockets (docs/streams.md)."""
