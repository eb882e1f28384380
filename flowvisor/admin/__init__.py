"""What an operator sees: `metrics` for Prometheus, `health`, both served by `site`, and `logs`."""
