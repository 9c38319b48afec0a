"""What `make bench` measures; every claim about speed is a ratio against a floor or a peer."""
