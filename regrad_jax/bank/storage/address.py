"""From an address to the place that it names."""

import os

from regrad_jax.bank.storage.bucket import Bucket
from regrad_jax.bank.storage.folder import Folder
from regrad_jax.bank.storage.place import Place


def place_of(address: str | os.PathLike[str]) -> Place:
    """Returns the place of a bank.

    Args:
        address: a folder's path, or `s3://BUCKET/PREFIX` or `gs://BUCKET/PREFIX`.

    Raises:
        UserError: a URL of another kind, or without a bucket or prefix.
    """
    address = os.fspath(address)
    return Bucket(address) if "://" in address else Folder(address)
