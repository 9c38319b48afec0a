"""Where orders leave for: paper, shadow and live differ in one object, made by `gateway_for`."""
