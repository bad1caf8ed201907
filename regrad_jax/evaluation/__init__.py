"""Metrics, harness, retention, report."""
