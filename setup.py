"""Packaging. Ranges stand here; the exact versions that are tested stand in requirements.txt."""

from setuptools import find_packages, setup

setup(
    name="regrad-jax",
    version="0.1.0",
    description="Retrievable gradients: a language model that answers from a bank of document gradients",
    packages=find_packages(include=["regrad_jax", "regrad_jax.*"]),
    package_data={
        "regrad_jax": [
            "checkpoints/*/*",
            "data/almanac/themes/*/*.toml",
            "data/fieldnotes/*.jsonl",
        ]
    },
    python_requires=">=3.11",
    install_requires=[
        "absl-py>=2.1",
        "flax>=0.12",
        "gguf>=0.17",
        "grain>=0.2.12",
        "jax>=0.10",
        "jinja2>=3.1",
        "matplotlib>=3.9",
        "ml_collections>=1.0",
        "numpy>=2.0",
        "optax>=0.2.8",
        "orbax-checkpoint>=0.11",
        "safetensors>=0.5",
        "tensorboardX>=2.6",
        "tensorstore>=0.1.76",
        "transformers>=5.0",
    ],
    extras_require={
        # ScaNN has wheels for Linux on x86-64 and arm64 only; elsewhere search is exact.
        "scann": ["scann>=1.4; platform_system == 'Linux'"],
        "cuda": ["jax[cuda13]>=0.10"],
        "tpu": ["jax[tpu]>=0.10"],
        "torch": ["torch>=2.5"],
        "dev": [
            "flask>=3",
            "flask-cors>=5",
            "moto[s3]>=5",
            "mypy>=1.15",
            "pytest>=8",
            "pytest-xdist>=3.6",
            "ruff>=0.12",
        ],
    },
    entry_points={"console_scripts": ["regrad=regrad_jax.cli.main:main"]},
)
