"""The system on one machine: set-up, generated markets, and what stands in for the cloud."""
