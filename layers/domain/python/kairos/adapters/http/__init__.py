"""What every REST adapter shares: one connection pool, one rate budget, one retry rule."""
