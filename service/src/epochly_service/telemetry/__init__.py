"""Telemetry, the service's side: what is taken, what is kept and for how long, and what is published of it."""
