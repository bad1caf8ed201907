"""`python -m regrad_jax.cli VERB`."""

from regrad_jax.cli.main import main

main()
