"""What may be at stake, and when trading has to stop: decided on integers, told the time."""
