"""The database of a shard: an OCDBT key-value store with two arrays and records in it.

    rows/               zarr3 uint8 (capacity, C), a chunk a row, crc32c
    keys/               zarr3 float32 (capacity, E), a chunk a key, crc32c
    records/POSITION    one record a document (records.py)
    head                the state after the commit (`Head`)

The arrays are declared with a capacity that is never reached, since absent chunks cost nothing, so
nothing is ever resized.
"""

from typing import Literal, NamedTuple

import tensorstore as ts

from regrad_jax.bank.records import pack, unpack
from regrad_jax.bank.storage import place
from regrad_jax.bank.storage.place import Spec

Array = Literal["rows", "keys"]
ARRAYS: tuple[Array, Array] = ("rows", "keys")
CHECKSUM_BYTES = 4  # crc32c, at the end of every chunk
_CAPACITY = 1 << 40
# Every commit rewrites the tree nodes that it touches. With OCDBT's default of 80 MB a bank of
# 20,000 documents built 32 at a time spends 1 KB a document on them; with 64 KB, 0.1 KB.
_NODE_BYTES = 64 * 1024
CACHE_BYTES = 32 * 1024 * 1024  # of a bank, for tree nodes; rows have a cache of their own (row_cache.py)


class Head(NamedTuple):
    """The state of a shard after a commit.

    Attributes:
      version: number of the commit; 0 is the empty shard.
      next_position: where the next document goes.
      documents: how many there are.
      time: of the commit, ISO 8601, UTC.
      added: documents that the commit added.
      removed: documents that it removed.
      reason: who made it, in a word or two.
      oldest: the oldest version that can still be opened.
    """

    version: int
    next_position: int
    documents: int
    time: str
    added: int = 0
    removed: int = 0
    reason: str = ""
    oldest: int = 0


def create(files: Spec, head: Head, packed_bytes: int, key_width: int) -> ts.KvStore:
    """Makes a database with its two arrays, a head and nothing else, in one commit, and returns it."""
    database = spec(files) | {"config": {"max_decoded_node_bytes": _NODE_BYTES}}
    shared = context()
    with ts.Transaction(atomic=True) as transaction:
        kv = ts.KvStore.open(database, context=shared, transaction=transaction).result()
        for array in array_specs(database, packed_bytes, key_width).values():
            ts.open(array, create=True, context=shared, transaction=transaction).result()
        kv["head"] = pack(head._asdict())
    return ts.KvStore.open(database, context=shared).result()


def latest_generation(files: Spec) -> int:
    """Returns the number of a database's latest generation."""
    base = ts.KvStore.open(files, context=ts.Context(place.CONTEXT)).result()
    return int(ts.ocdbt.dump(base).result()["versions"][-1]["generation_number"])


def read_head(files: Spec, generation: int) -> tuple[Head, bytes]:
    """Returns the head of a generation, and TensorStore's name for its stored bytes."""
    kv = ts.KvStore.open(spec(files) | {"version": generation}, context=context()).result()
    result = kv.read("head").result()
    return Head(**unpack(result.value)), result.stamp.generation


def record_key(position: int) -> str:
    """Returns where a document's record is stored."""
    return f"records/{position:013d}"


def document_keys(position: int) -> tuple[str, str, str]:
    """Returns where all of a document is stored."""
    return f"rows/c/{position}/0", f"keys/c/{position}/0", record_key(position)


def context(cache_bytes: int = CACHE_BYTES) -> ts.Context:
    """Returns what all that is opened of one database is to share, a cache of so many bytes among it.

    Chunks are not cached: keys are read once, and rows have a cache of their own.
    """
    # Arrays and key-value store must share a context: a transaction over several contexts commits
    # each one's part by itself, even when it is declared atomic.
    pools = {"cache_pool": {"total_bytes_limit": cache_bytes}, "cache_pool#arrays": {"total_bytes_limit": 0}}
    return ts.Context(pools | place.CONTEXT)


def spec(files: Spec) -> Spec:
    """Returns the database in these files."""
    return {"driver": "ocdbt", "base": files}


def array_specs(database: Spec, packed_bytes: int, key_width: int) -> dict[str, Spec]:
    """TensorStore specs by name; opening an array that differs from its spec fails."""
    little_endian = {"name": "bytes", "configuration": {"endian": "little"}}
    return {
        name: {
            "driver": "zarr3",
            "kvstore": database | {"path": f"{name}/"},
            "cache_pool": "cache_pool#arrays",
            "metadata": {
                "shape": [_CAPACITY, width],
                "data_type": dtype,
                "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [1, width]}},
                "codecs": [to_bytes, {"name": "crc32c"}],
                "fill_value": 0,
            },
            # Otherwise a lost chunk would be read as zeros: a gradient that silently does nothing.
            "fill_missing_data_reads": False,
            "store_data_equal_to_fill_value": True,
        }
        for name, dtype, width, to_bytes in (
            ("rows", "uint8", packed_bytes, {"name": "bytes"}),
            ("keys", "float32", key_width, little_endian),
        )
    }
