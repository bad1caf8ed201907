"""A bank under a prefix of an object store: `s3://BUCKET/PREFIX` or `gs://BUCKET/PREFIX`.

    PREFIX/manifest.json       the facts of the bank, written last: once it is there, the bank is there
    PREFIX/ID/00000/           the first database of a shard (a shard is a part with one writer)
    PREFIX/ID/00000.1-ATTEMPT/ the database after the shard's first compaction, and so on
    PREFIX/ID/00000.current    which database is the current one, and who wrote last (`BucketHome`)
    PREFIX/ID/00000.lock       the lease of the shard's writer

A compaction copies what the latest version needs into a new database, which then becomes the current one. It
writes under a prefix of its own, with a random word ATTEMPT in its name.

ID is the `id` in the manifest. Two processes may create a bank at one address at the same time. Their objects
then have different prefixes and do not mix. The one that writes the manifest first has created the bank. The
other removes its objects, and its creation fails; `regrad build` then opens the bank that is there. So of
several `regrad build` that are started together, one creates the bank and all of them fill it.

Credentials and endpoints come from where the stores' own tools take them. For S3 these are the `AWS_*`
variables and files (`AWS_ENDPOINT_URL` and `AWS_REGION` among them). For Google they are its application
credentials.

Crash story. An object store has no lock that ends with a process, so a writer holds a lease: an object that
says who writes and until when. The writer renews its lease at every commit, and a dead writer's lease runs
out. A lease only keeps others away. It cannot stop a writer that has slept through the end of its lease and
then goes on. So three other rules make commits and compactions safe. `head` is the shard's state after its
latest commit (`history.Head`).

  * A commit replaces the very `head` that its writer has read, or it fails (`shard.py`).
  * Before a compaction makes its new database the current one, it makes an empty commit to the old one. If
    another writer has committed meanwhile, the empty commit fails, and so does the compaction. If it
    succeeds, `head` has changed. A writer that read the earlier `head`, slept, and wakes up now fails at its
    next commit, so nothing can be added to the old database unseen.
  * The last act of a compaction is to replace `00000.current`. It fails if the object has changed since the
    compaction began. Every process that becomes the writer changes the object, so a compaction that has lost
    its lease cannot make its database the current one.

Because every compaction has a prefix of its own, one that has lost its lease never writes into the database
of another. Nobody can see who reads in a bucket. So when a database has been replaced, it stays for an hour.
From then on the next writer that comes removes it.
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

from regrad_jax.bank.storage.errors import BusyError
from regrad_jax.bank.storage.objects import Objects
from regrad_jax.bank.storage.place import MANIFEST, Home, Lock, Place, Spec, writer
from regrad_jax.errors import UserError
from regrad_jax.home import regrad_home

LEASE_SECONDS = 300  # from one commit to the next; 32 gradients on two cores take a minute
READERS_SECONDS = 3600  # for which a replaced database stays, for those who still read it
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
                # TensorStore would complain of absent files first.
                "aws_credentials": {"type": "environment"} if "AWS_ACCESS_KEY_ID" in os.environ else None,
            }
            self._spec |= {name: value for name, value in given.items() if value}
        # Without these, TensorStore waits for a connection that has died silently until the system gives up
        # on the connection (tensorstore issue 291). They are read at the first request of a process.
        os.environ.setdefault("TENSORSTORE_CURL_LOW_SPEED_TIME_SECONDS", str(STALLED_SECONDS))
        os.environ.setdefault("TENSORSTORE_CURL_LOW_SPEED_LIMIT_BYTES", "1")

    def __str__(self) -> str:
        return self._url

    def _objects(self) -> Objects:
        return Objects(self._spec, self._url)

    def manifest(self) -> bytes | None:
        """As `Place.manifest`."""
        return self._objects().read(MANIFEST)[0]

    def shard(self, name: str, identity: str) -> Home:
        """As `Place.shard`."""
        spec = self._spec | {"path": f"{self._spec['path']}{identity}/"}
        return BucketHome(Objects(spec, f"{self._url}/{identity}"), name)

    @contextlib.contextmanager
    def create(self, manifest: bytes, identity: str) -> Iterator[Place]:
        """As `Place.create`. A process that dies in here leaves objects that no manifest names.

        Nothing removes them. They lie under an id of their own, and no bank reads them.
        """
        objects = self._objects()
        present, generation = objects.read(MANIFEST)
        if present is not None:
            raise UserError(f"cannot create a bank at {self}: there is one already")
        yield self
        if not objects.write(MANIFEST, manifest, generation):
            objects.remove(f"{identity}/")
            raise UserError(f"cannot create a bank at {self}: another process has just made one")

    def index_folder(self, identity: str) -> str:
        """As `Place.index_folder`: under `regrad_home()`, since ScaNN reads its index from a local folder."""
        name = hashlib.sha256(f"{self} {identity}".encode()).hexdigest()[:32]
        return str(regrad_home() / "indexes" / name)

    def usage(self) -> None:
        """As `Place.usage`: returns None, since TensorStore does not tell the sizes of objects."""


class BucketHome(Home):
    """The databases of a shard, under a prefix.

    The object `NAME.current` points to the current one. It is JSON of

        number     how many compactions there have been; the database of 0 is NAME/
        attempt    of the last compaction, whose database is NAME.NUMBER-ATTEMPT/
        time       when it ended, in seconds since 1970
        removed    every database up to this number has been removed, except the current one
        writer     the id of the last lease
    """

    leased = True

    def __init__(self, objects: Objects, name: str):
        """Takes the prefix of all shards, and the name of this one."""
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

    def _point(self, pointer: Mapping[str, Any], generation: bytes) -> bool:
        return self._objects.write(f"{self._name}.current", json.dumps(pointer).encode(), generation)

    def _named(self, pointer: Mapping[str, Any]) -> str:
        if not pointer["number"]:
            return self._name
        # Before compactions had attempts, a database's name ended in its number.
        attempt = f"-{pointer['attempt']}" if "attempt" in pointer else ""
        return f"{self._name}.{pointer['number']}{attempt}"

    def current(self) -> str | None:
        """As `Home.current`."""
        name = self._named(self._pointer()[0])
        return None if self._objects.read(f"{name}/manifest.ocdbt")[0] is None else name

    def hold(self) -> tuple[str, Callable[[], object]]:
        """As `Home.hold`, but nothing is held.

        The database stays for `READERS_SECONDS` after a compaction has replaced it. From then on the next
        writer removes it.
        """
        name = self.current()
        if name is None:
            raise FileNotFoundError(f"no database in {self}")
        return name, lambda: None

    def lock(self) -> Lock:
        """As `Home.lock`: a lease."""
        lease = Lease(self._objects, f"{self._name}.lock", str(self))
        lease.renew()
        while True:  # a compaction that is under way under a lost lease must not end from here on
            pointer, generation = self._pointer()
            if self._point(pointer | {"writer": lease.id}, generation):
                self._writer = lease.id
                return lease

    @contextlib.contextmanager
    def draft(self) -> Iterator[Spec]:
        """As `Home.draft`: under a prefix of its own.

        When the `with` block has ended well, the pointer turns to the new database. A shard
        without a database gets its first one at NAME/ instead.
        """
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
        # Other attempts of the current number have failed: to end, each of them would have had to commit to
        # the database before, and that database takes no more commits.
        database = re.compile(re.escape(self._name) + r"(?:\.(\d+)(?:-\w+)?)?")
        for name in self._objects.folders(self._name) - {self._named(pointer)}:
            match = database.fullmatch(name)
            if match and int(match[1] or 0) <= pointer["number"]:
                self._objects.remove(f"{name}/")
        self._point(pointer | {"removed": pointer["number"]}, generation)


class Lease(Lock):
    """An object that says who writes and until when."""

    def __init__(self, objects: Objects, name: str, what: str):
        """Takes nothing yet; `renew` does.

        Args:
            objects: where the lease is kept.
            name: of the object.
            what: the lease keeps others from writing, for messages.
        """
        self._objects, self._name, self._what = objects, name, what
        self.id = uuid.uuid4().hex

    def renew(self) -> None:
        """As `Lock.renew`; takes the lease where nobody has it."""
        text, generation = self._objects.read(self._name)
        present = json.loads(text) if text else None
        if present and present["id"] != self.id and present["until"] > time.time():
            self._refuse(present)
        mine = {"id": self.id, "holder": writer(), "until": time.time() + LEASE_SECONDS}
        if not self._objects.write(self._name, json.dumps(mine).encode(), generation):
            text, _ = self._objects.read(self._name)
            self._refuse(json.loads(text) if text else {"holder": "another process", "until": time.time()})

    def release(self) -> None:
        """As `Lock.release`."""
        text, generation = self._objects.read(self._name)
        if text and json.loads(text)["id"] == self.id:
            self._objects.write(self._name, None, generation)

    def _refuse(self, lease: dict[str, Any]) -> None:
        until = datetime.datetime.fromtimestamp(lease["until"], datetime.UTC).isoformat(timespec="seconds")
        raise BusyError(
            f"{self._what} is being written by {lease['holder']}: wait for it to end (if it has died, its "
            f"lock ends at {until})"
        )
