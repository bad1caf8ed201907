"""Single objects under a prefix of a bucket, replaced only where nobody else has replaced them meanwhile."""

import contextlib
from collections.abc import Iterator

import tensorstore as ts

from regrad_jax.bank.storage import place
from regrad_jax.bank.storage.errors import brief, is_unreachable, unreachable
from regrad_jax.bank.storage.place import Spec
from regrad_jax.errors import UserError


class Objects:
    """The objects under a prefix. Every method raises UnreachableError where the store does not answer.

    Attributes:
        spec: TensorStore's key-value store of the prefix.
    """

    def __init__(self, spec: Spec, url: str):
        """Opens the store.

        Args:
            spec: TensorStore's key-value store of the prefix.
            url: names the prefix in messages.

        Raises:
            UserError: TensorStore refuses the spec.
        """
        self.spec, self._url = spec, url
        try:
            self._kv = ts.KvStore.open(spec, context=ts.Context(place.CONTEXT)).result()
        except ValueError as error:
            raise UserError(f"{url} cannot be opened: {brief(error)}") from error

    def __str__(self) -> str:
        return self._url

    def read(self, name: str) -> tuple[bytes | None, bytes]:
        """Returns an object, or None where there is none, and its generation, which `write` takes."""
        with self._reached():
            result = self._kv.read(name).result()
        return (result.value if result.state == "value" else None), result.stamp.generation

    def write(self, name: str, value: bytes | None, generation: bytes) -> bool:
        """Writes an object, or deletes it, if it still has a generation.

        Args:
            name: of the object.
            value: None deletes the object.
            generation: as `read` returned it.

        Returns:
            Whether the object still had this generation. If not, nothing was written.
        """
        with self._reached():
            written = bool(self._kv.write(name, value, if_equal=generation).result().generation)
        # A store may write without answering. TensorStore then repeats the write, which finds itself there.
        return written or (value is not None and self.read(name)[0] == value)

    def folders(self, prefix: str) -> set[str]:
        """Returns the names with this prefix that stand before a slash."""
        with self._reached():
            keys = self._kv.list(ts.KvStore.KeyRange(f"{prefix}.", f"{prefix}0")).result()
        return {key.decode().split("/")[0] for key in keys if b"/" in key}

    def remove(self, prefix: str) -> None:
        """Deletes all objects of a prefix that ends in a slash."""
        with self._reached():
            self._kv.delete_range(ts.KvStore.KeyRange(prefix, prefix[:-1] + "0")).result()

    @contextlib.contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except ValueError as error:
            if is_unreachable(error):
                raise unreachable(self._url, error) from error
            raise
