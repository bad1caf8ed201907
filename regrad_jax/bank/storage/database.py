"""The database of a shard: an OCDBT key-value store that holds two arrays, records and a head.

    rows/               zarr3 uint8 (capacity, C), a chunk for each row, crc32c
    keys/               zarr3 float32 (capacity, E), a chunk for each key, crc32c
    records/POSITION    a record for each document (records.py)
    head                the state after the commit (`history.Head`)

The arrays are declared with a capacity that is never reached, since absent chunks cost nothing. So nothing is
ever resized.
"""

from typing import Literal, NamedTuple

import tensorstore as ts

from regrad_jax.bank.records import pack, unpack
from regrad_jax.bank.storage import place
from regrad_jax.bank.storage.history import Head
from regrad_jax.bank.storage.place import Spec

Array = Literal["rows", "keys"]
ARRAYS: tuple[Array, Array] = ("rows", "keys")
CHECKSUM_BYTES = 4  # crc32c, at the end of every chunk
_CAPACITY = 1 << 40
# Every commit rewrites the tree nodes that it touches. With OCDBT's default of 80 MB a bank of
# 20,000 documents built 32 at a time spends 1 KB a document on them; with 64 KB, 0.1 KB.
_NODE_BYTES = 64 * 1024
CACHE_BYTES = 32 * 1024 * 1024  # of a bank, for tree nodes; rows have a cache of their own (../cache.py)


class Widths(NamedTuple):
    """The widths of the two arrays.

    Attributes:
        packed_bytes: C, bytes in a packed row.
        key_width: E, numbers in a key.
    """

    packed_bytes: int
    key_width: int


class Database(NamedTuple):
    """An open database: its key-value store, and its arrays by name."""

    kv: ts.KvStore
    arrays: dict[str, ts.TensorStore]


def create(files: Spec, head: Head, widths: Widths) -> ts.KvStore:
    """Makes a database with its two arrays, a head and nothing else, in one commit, and returns it."""
    database = spec(files) | {"config": {"max_decoded_node_bytes": _NODE_BYTES}}
    context = _context()
    with ts.Transaction(atomic=True) as transaction:
        kv = ts.KvStore.open(database, context=context, transaction=transaction).result()
        for array in _array_specs(database, widths).values():
            ts.open(array, create=True, context=context, transaction=transaction).result()
        kv["head"] = pack(head._asdict())
    return ts.KvStore.open(database, context=context).result()


def open_database(
    files: Spec, widths: Widths, generation: int | None = None, cache_bytes: int = CACHE_BYTES
) -> Database:
    """Opens a database.

    Args:
        files: of the database.
        widths: of its arrays. Opening an array of another width fails.
        generation: to be read; None reads the generation that is the latest at the time of each read.
        cache_bytes: of tree nodes that may stay in memory.
    """
    database, context = spec(files), _context(cache_bytes)
    if generation is not None:
        database |= {"version": generation}
    kv = ts.KvStore.open(database, context=context).result()
    # A generation is never altered, so a part of it that was read once need not be read again.
    recheck = generation is None
    arrays = {
        name: ts.open(array, open=True, recheck_cached_data=recheck, context=context).result()
        for name, array in _array_specs(database, widths).items()
    }
    return Database(kv, arrays)


def latest_generation(files: Spec) -> int:
    """Returns the number of a database's latest generation."""
    base = ts.KvStore.open(files, context=ts.Context(place.CONTEXT)).result()
    return int(ts.ocdbt.dump(base).result()["versions"][-1]["generation_number"])


def read_head(files: Spec, generation: int) -> tuple[Head, bytes]:
    """Returns the head of a generation, and TensorStore's name for its stored bytes."""
    kv = ts.KvStore.open(spec(files) | {"version": generation}, context=_context()).result()
    result = kv.read("head").result()
    return Head(**unpack(result.value)), result.stamp.generation


def record_key(position: int) -> str:
    """Returns the key of a document's record."""
    return f"records/{position:013d}"


def document_keys(position: int) -> tuple[str, str, str]:
    """Returns the keys of a document's row, retrieval key and record."""
    return f"rows/c/{position}/0", f"keys/c/{position}/0", record_key(position)


def spec(files: Spec) -> Spec:
    """Returns TensorStore's spec of the database in these files."""
    return {"driver": "ocdbt", "base": files}


def _context(cache_bytes: int = CACHE_BYTES) -> ts.Context:
    """Returns a context, with a cache of so many bytes, for everything that is opened of one database.

    Chunks are not cached: keys are read once, and rows have a cache of their own.
    """
    # Arrays and key-value store must share a context: a transaction over several contexts commits
    # each one's part by itself, even when it is declared atomic.
    pools = {"cache_pool": {"total_bytes_limit": cache_bytes}, "cache_pool#arrays": {"total_bytes_limit": 0}}
    return ts.Context(pools | place.CONTEXT)


def _array_specs(database: Spec, widths: Widths) -> dict[str, Spec]:
    """Returns TensorStore's specs of the arrays, by name."""
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
            ("rows", "uint8", widths.packed_bytes, {"name": "bytes"}),
            ("keys", "float32", widths.key_width, little_endian),
        )
    }
