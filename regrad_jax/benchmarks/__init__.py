"""What `regrad bench` measures."""
