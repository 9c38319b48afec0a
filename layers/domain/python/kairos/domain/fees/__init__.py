"""What a fill costs: exact, versioned fees of every venue, in integers only."""
