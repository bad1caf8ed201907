"""Metrics, datasets, harness, report, benches."""
