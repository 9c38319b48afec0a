"""What every simulated venue is made of: matching, accounts, faults, order flow, servers."""
