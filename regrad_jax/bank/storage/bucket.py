"""A bank under a prefix of an object store: `s3://BUCKET/PREFIX` or `gs://BUCKET/PREFIX`.

    PREFIX/manifest.json       written last: with it the bank is there
    PREFIX/ID/00000/           a shard's first database; after compactions 00000.1-ATTEMPT/, ...
    PREFIX/ID/00000.current    number and attempt of the current one, those removed, the time, the last writer
    PREFIX/ID/00000.lock       the lease of its writer

ID is the manifest's, so that banks that are made at one place at the same time do not touch each other.

Credentials and endpoints come from where these stores' own tools take them: for S3 from the `AWS_*` variables
and files (`AWS_ENDPOINT_URL` and `AWS_REGION` among them), for Google from its application credentials.

An object store has no locks that go with a process. A writer holds a lease instead, and renews it at every
commit; a dead writer's lease runs out. It keeps others away and does no more: what makes a commit safe is
that it replaces the head that the writer has read, or fails, and a compaction makes such a commit before it
takes the old database's place (`shard.Shard`). It takes it only if nobody has become the writer meanwhile,
since whoever does rewrites `current`. A compaction's attempt has a prefix of its own, so that one that has
lost its lease does not write into another's. Nor can readers be seen, so a compacted database stays for a
while before a writer removes it.
"""

import contextlib
import datetime
import hashlib
import json
import os
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import tensorstore as ts

from regrad_jax.bank.storage import place
from regrad_jax.bank.storage.place import MANIFEST, BusyError, Home, Lock, Place, Spec
from regrad_jax.errors import UserError
from regrad_jax.home import regrad_home

LEASE_SECONDS = 300  # from one commit to the next; 32 gradients on two cores take a minute
READERS_SECONDS = 3600  # that a compacted database stays for those who read it
STALLED_SECONDS = 30

_DRIVERS = {"s3": "s3", "gs": "gcs"}


class Bucket(Place):
    """A bank's prefix in a bucket."""

    def __init__(self, url: str):
        """Takes the URL.

        Raises:
          UserError: it is of no known kind, or lacks a bucket or a prefix.
        """
        match = re.fullmatch(r"(s3|gs)://([^/]+)/(.*[^/])/*", url)
        if not match:
            raise UserError(f"{url}: give a bank as a folder, s3://BUCKET/PREFIX or gs://BUCKET/PREFIX")
        scheme, bucket, prefix = match.groups()
        self._url = f"{scheme}://{bucket}/{prefix}"
        self._spec: Spec = {"driver": _DRIVERS[scheme], "bucket": bucket, "path": f"{prefix}/"}
        if scheme == "s3":
            # TensorStore would ask Amazon where the bucket is.
            region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
            endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
            given: dict[str, Any] = {
                "aws_region": region or (endpoint and "us-east-1"),
                "endpoint": endpoint,
                # It would complain of absent files first.
                "aws_credentials": {"type": "environment"} if "AWS_ACCESS_KEY_ID" in os.environ else None,
            }
            self._spec |= {name: value for name, value in given.items() if value}
        # Without these a connection that has died silently is waited for until the system gives up on it
        # (tensorstore issue 291). They are read at the first request of a process.
        os.environ.setdefault("TENSORSTORE_CURL_LOW_SPEED_TIME_SECONDS", str(STALLED_SECONDS))
        os.environ.setdefault("TENSORSTORE_CURL_LOW_SPEED_LIMIT_BYTES", "1")

    def __str__(self) -> str:
        return self._url

    def _objects(self) -> "_Objects":
        return _Objects(self._spec, self._url)

    def manifest(self) -> bytes | None:
        """As `Place.manifest`."""
        return self._objects().read(MANIFEST)[0]

    def shard(self, name: str, identity: str) -> Home:
        """As `Place.shard`."""
        spec = self._spec | {"path": f"{self._spec['path']}{identity}/"}
        return BucketHome(_Objects(spec, f"{self._url}/{identity}"), name)

    @contextlib.contextmanager
    def create(self, manifest: bytes, identity: str) -> Iterator[Place]:
        """As `Place.create`. A creation that dies leaves objects that no manifest names."""
        objects = self._objects()
        present, generation = objects.read(MANIFEST)
        if present is not None:
            raise UserError(f"cannot create a bank at {self}: there is one already")
        yield self
        if not objects.write(MANIFEST, manifest, generation):
            objects.remove(f"{identity}/")
            raise UserError(f"cannot create a bank at {self}: another process has just made one")

    def index_folder(self, identity: str) -> str:
        """As `Place.index_folder`: in the cache, since ScaNN reads its index from a local folder."""
        name = hashlib.sha256(f"{self} {identity}".encode()).hexdigest()[:32]
        return str(regrad_home() / "indexes" / name)

    def usage(self) -> None:
        """As `Place.usage`: TensorStore does not tell objects' sizes."""


class BucketHome(Home):
    """A shard's databases under a prefix."""

    leased = True

    def __init__(self, objects: "_Objects", name: str):
        """Takes the prefix of all shards, and this one's name."""
        self._objects, self._name = objects, name
        self._writer: str | None = None  # id of our lease, once there was one

    def __str__(self) -> str:
        return f"{self._objects}/{self._name}"

    def database(self, name: str) -> Spec:
        """As `Home.database`."""
        return self._objects.spec | {"path": f"{self._objects.spec['path']}{name}/"}

    def _pointer(self) -> tuple[dict[str, Any], bytes]:
        text, generation = self._objects.read(f"{self._name}.current")
        return {"number": 0, "removed": 0, "time": 0.0} | (json.loads(text) if text else {}), generation

    def _named(self, pointer: Mapping[str, Any]) -> str:
        if not pointer["number"]:
            return self._name
        attempt = f"-{pointer['attempt']}" if "attempt" in pointer else ""  # before there were attempts
        return f"{self._name}.{pointer['number']}{attempt}"

    def current(self) -> str | None:
        """As `Home.current`."""
        name = self._named(self._pointer()[0])
        return None if self._objects.read(f"{name}/manifest.ocdbt")[0] is None else name

    def hold(self) -> tuple[str, Callable[[], object]]:
        """As `Home.hold`: what is compacted stays for `READERS_SECONDS`."""
        name = self.current()
        if name is None:
            raise FileNotFoundError(f"no database in {self}")
        return name, lambda: None

    def lock(self) -> Lock:
        """As `Home.lock`: a lease."""
        lease = _Lease(self._objects, f"{self._name}.lock", str(self))
        lease.renew()
        while True:  # a compaction that is under way under a lost lease must not end from here on
            pointer, generation = self._pointer()
            if self._point(pointer | {"writer": lease.id}, generation):
                self._writer = lease.id
                return lease

    def _point(self, pointer: Mapping[str, Any], generation: bytes) -> bool:
        return self._objects.write(f"{self._name}.current", json.dumps(pointer).encode(), generation)

    @contextlib.contextmanager
    def draft(self) -> Iterator[Spec]:
        """As `Home.draft`: under a prefix of its own, which a pointer names when it is whole."""
        if self.current() is None:
            yield self.database(self._name)
            return
        pointer, generation = self._pointer()
        overtaken = UserError(f"{self} has been taken over by another writer meanwhile; nothing was changed")
        if pointer.get("writer") != self._writer:
            raise overtaken
        turned = pointer | {"number": pointer["number"] + 1, "attempt": uuid.uuid4().hex[:8]}
        yield self.database(self._named(turned))
        if not self._point(turned | {"time": time.time()}, generation):
            self._objects.remove(f"{self._named(turned)}/")
            raise overtaken

    def sweep(self) -> None:
        """As `Home.sweep`."""
        pointer, generation = self._pointer()
        if pointer["removed"] == pointer["number"] or time.time() - pointer["time"] < READERS_SECONDS:
            return
        # Attempts of this number have failed: each would have had to commit to a database that is now closed.
        database = re.compile(re.escape(self._name) + r"(?:\.(\d+)(?:-\w+)?)?")
        for name in self._objects.folders(self._name) - {self._named(pointer)}:
            match = database.fullmatch(name)
            if match and int(match[1] or 0) <= pointer["number"]:
                self._objects.remove(f"{name}/")
        self._point(pointer | {"removed": pointer["number"]}, generation)


class _Lease(Lock):
    """An object that says who writes and until when."""

    def __init__(self, objects: "_Objects", name: str, what: str):
        self._objects, self._name, self._what = objects, name, what
        self.id = uuid.uuid4().hex

    def renew(self) -> None:
        text, generation = self._objects.read(self._name)
        held = json.loads(text) if text else None
        if held and held["id"] != self.id and held["until"] > time.time():
            self._refuse(held)
        mine = {"id": self.id, "holder": place.writer(), "until": time.time() + LEASE_SECONDS}
        if not self._objects.write(self._name, json.dumps(mine).encode(), generation):
            text, _ = self._objects.read(self._name)
            self._refuse(json.loads(text) if text else {"holder": "another process", "until": time.time()})

    def release(self) -> None:
        text, generation = self._objects.read(self._name)
        if text and json.loads(text)["id"] == self.id:
            self._objects.write(self._name, None, generation)

    def _refuse(self, held: dict[str, Any]) -> None:
        until = datetime.datetime.fromtimestamp(held["until"], datetime.UTC).isoformat(timespec="seconds")
        raise BusyError(
            f"{self._what} is being written by {held['holder']}: wait for it to end (if it has died, its "
            f"lock ends at {until})"
        )


class _Objects:
    """Single objects under a prefix."""

    def __init__(self, spec: Spec, url: str):
        self.spec, self._url = spec, url
        try:
            self._kv = ts.KvStore.open(spec, context=ts.Context(place.CONTEXT)).result()
        except ValueError as error:
            raise UserError(f"{url} cannot be opened: {place.brief(error)}") from error

    def __str__(self) -> str:
        return self._url

    def read(self, name: str) -> tuple[bytes | None, bytes]:
        """Returns (an object, or None where there is none; its generation, for `write`)."""
        with self._reached():
            result = self._kv.read(name).result()
        return (result.value if result.state == "value" else None), result.stamp.generation

    def write(self, name: str, value: bytes | None, generation: bytes) -> bool:
        """Writes or, for None, deletes what has this generation; returns whether it still had."""
        with self._reached():
            written = bool(self._kv.write(name, value, if_equal=generation).result().generation)
        # A write that was done but not answered is repeated, and then finds itself.
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
            if place.is_unreachable(error):
                raise place.unreachable(self._url, error) from error
            raise
