"""Banks in a bucket, on a real S3 server (moto) that fails, stalls and dies."""

import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

import boto3
import pytest

from regrad_jax.bank.bank import Bank
from regrad_jax.bank.builder import build
from regrad_jax.bank.storage import bucket, commit, place, shard
from regrad_jax.bank.storage.address import place_of
from regrad_jax.bank.storage.bucket import BucketHome, Lease
from regrad_jax.bank.storage.commit import Change
from regrad_jax.bank.storage.errors import UnreachableError
from regrad_jax.bank.storage.objects import Objects
from regrad_jax.bank.storage.shard import Shard
from regrad_jax.bank.storage.view import View
from regrad_jax.errors import UserError
from regrad_jax.retrieval.index import open_index
from tests.bank.banks import WIDTHS, E, P, append, assert_holds, encode, ids, manifest, passages

HERE = pathlib.Path(__file__).parent


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def _start(program: str, *arguments) -> subprocess.Popen:
    command = [sys.executable, str(HERE / program), *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(600):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", arguments[0])).close()
            return process
        time.sleep(0.1)
    raise TimeoutError(f"{program} does not listen")


class Server:
    """The S3 server and the door before it."""

    def __init__(self, folder: pathlib.Path):
        self.folder, self.port, self._target = folder, _free_port(), _free_port()
        self._moto = _start("s3_server.py", self._target, folder)
        self.door = _start("s3_door.py", self.port, self._target)
        endpoint = f"http://127.0.0.1:{self._target}"
        boto3.client("s3", endpoint_url=endpoint).create_bucket(Bucket="banks")

    @contextlib.contextmanager
    def failing(self, how: str = "failing"):
        (self.folder / how).touch()
        try:
            yield
        finally:
            (self.folder / how).unlink()

    @contextlib.contextmanager
    def stalled(self):
        self.door.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.door.send_signal(signal.SIGCONT)

    @contextlib.contextmanager
    def dead(self):
        self.door.kill()
        self.door.wait()
        try:
            yield
        finally:
            self.door = _start("s3_door.py", self.port, self._target)

    def stop(self):
        for process in (self.door, self._moto):
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "TENSORSTORE_CURL_LOW_SPEED_TIME_SECONDS": "2",
        }.items():
            patch.setenv(name, value)
        server = Server(tmp_path_factory.mktemp("s3"))
        patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.port}")
        yield server
        server.stop()


@pytest.fixture
def server(running, monkeypatch):
    retries = {"max_retries": 8, "initial_delay": "20ms", "max_delay": "100ms"}
    monkeypatch.setattr(place, "CONTEXT", {"s3_request_retries": retries})
    return running


@pytest.fixture
def url(request) -> str:
    return "s3://banks/" + re.sub(r"\W", "_", request.node.name)


def test_a_bank_in_a_bucket_is_a_bank_like_another(server, url, monkeypatch):
    monkeypatch.setattr(bucket, "READERS_SECONDS", 0)
    with Bank.create(url, manifest()) as bank:
        append(bank, ids("a", 5))
        append(bank, ids("b", 3))
        bank.delete(["a1"])
        assert [entry.reason for entry in bank.log()] == ["delete", "append", "append", ""]
        bank.rollback(1)
        assert_holds(bank, ids("a", 5))
        bank.rollback(3)
    reader = Bank.open(url)
    left = [id for id in ids("a", 5) + ids("b", 3) if id != "a1"]
    assert_holds(reader, left)
    assert_holds(Bank.open(url, version=2), ids("a", 5) + ids("b", 3))
    with Bank.open(url) as bank:
        assert bank.compact() is None
        assert_holds(bank, left)
        assert bank.verify() == []
        append(bank, ["c"])
        assert_holds(bank, [*left, "c"])
    with pytest.raises(UserError, match="version 2 is not in the bank"):
        Bank.open(url, version=2)
    info = Bank.open(url).info()
    assert info["path"] == url and info["documents"] == 8 and info["bytes"] is None
    assert info["bytes_per_document"]["total"] > 4 * (P + E)


def _keys(url: str) -> list[str]:
    prefix = url.removeprefix("s3://banks/")
    pages = boto3.client("s3").get_paginator("list_objects_v2").paginate(Bucket="banks", Prefix=prefix + "/")
    return [found["Key"].removeprefix(prefix) for page in pages for found in page.get("Contents", ())]


def test_what_is_compacted_stays_for_its_readers_and_then_goes(server, url, monkeypatch):
    with Bank.create(url, manifest()) as bank:
        append(bank, ids("a", 4))
    reader, late = Bank.open(url), Bank.open(url)
    with Bank.open(url) as bank:
        bank.delete(["a0"])
        bank.compact()
        bank.compact()
    assert_holds(reader, ids("a", 4))
    monkeypatch.setattr(bucket, "READERS_SECONDS", 0)
    Bank.open(url).lock()
    databases = {key.split("/")[2] for key in _keys(url) if key.endswith("/manifest.ocdbt")}
    assert len(databases) == 1 and re.fullmatch(r"00000\.2-[0-9a-f]{8}", databases.pop())
    with pytest.raises(UnreachableError, match="has been compacted since it was opened"):
        late.verify()  # and does not take what is gone for damaged
    assert_holds(Bank.open(url), ids("a", 4)[1:])


def test_a_compaction_that_dies_changes_nothing(server, url, monkeypatch):
    with Bank.create(url, manifest()) as bank:
        append(bank, ids("a", 4))
        with monkeypatch.context() as patch:
            patch.setattr(View, "values", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                bank.compact()
        append(bank, ["b"])
        bank.compact()
        assert_holds(bank, [*ids("a", 4), "b"])


def test_a_second_writer_is_told_of_the_first(server, url):
    with Bank.create(url, manifest()) as bank:
        append(bank, ["a"])
        with pytest.raises(UserError, match=rf"by process {os.getpid()} on .*its lock ends at 20\d\d"):
            append(Bank.open(url), ["b"])
    with Bank.open(url) as bank:  # given back
        append(bank, ["b"])
        assert_holds(bank, ["a", "b"])


def _writer(url: str) -> Shard:
    """The writer of a bank's one shard, without the bank, whose every write would look at the lock first."""
    writer = Shard(place_of(url).shard("00000", Bank.open(url).manifest.id), WIDTHS)
    writer.lock()
    return writer


def _delete_first(writer: Shard) -> None:
    writer.commit(writer.head._replace(version=writer.head.version + 1), Change(gone=[0]))


def test_a_dead_writers_lock_runs_out_and_what_it_still_tries_is_refused(server, url, monkeypatch):
    with Bank.create(url, manifest()) as bank:
        append(bank, ["a"])
    with monkeypatch.context() as patch:
        patch.setattr(bucket, "LEASE_SECONDS", 0.2)
        slow = _writer(url)
        time.sleep(0.3)
    with Bank.open(url) as other:
        append(other, ["b"])
        with monkeypatch.context() as patch:
            patch.setattr(Lease, "renew", lambda self: None)  # it stalled after its look at the lock
            with pytest.raises(UserError, match="nothing was changed"):
                _delete_first(slow)
        with pytest.raises(UserError, match="is being written by"):
            _delete_first(slow)
    assert_holds(Bank.open(url), ["a", "b"])


def test_a_stalled_writers_commit_after_a_compaction_is_refused(server, url, monkeypatch):
    monkeypatch.setattr(bucket, "LEASE_SECONDS", 0)
    with Bank.create(url, manifest()) as bank:
        append(bank, ["a"])
    stalled = _writer(url)
    with Bank.open(url) as other:
        other.compact()
    monkeypatch.setattr(Lease, "renew", lambda self: None)
    with pytest.raises(UserError, match="nothing was changed"):
        _delete_first(stalled)
    assert_holds(Bank.open(url), ["a"])


def test_a_compaction_that_outlives_its_lease_loses_nothing(server, url, monkeypatch):
    monkeypatch.setattr(bucket, "LEASE_SECONDS", 0)
    slow = Bank.create(url, manifest())
    append(slow, ["a"])
    values = View.values

    def overtaken(self, positions):
        stored = values(self, positions)
        with monkeypatch.context() as patch:
            patch.setattr(View, "values", values)
            with Bank.open(url) as other:
                append(other, ["b"])
        return stored

    monkeypatch.setattr(View, "values", overtaken)
    with pytest.raises(UserError, match="nothing was changed"):
        slow.compact()
    assert_holds(Bank.open(url), ["a", "b"])
    monkeypatch.setattr(View, "values", values)
    with Bank.open(url) as bank:
        bank.compact()
        assert_holds(bank, ["a", "b"])


@pytest.mark.parametrize("moment", ["renewed", "copied", "closed"])
@pytest.mark.parametrize("overtake", ["append", "compact", "half a compaction"])
def test_a_compaction_that_is_overtaken_at_its_end_loses_nothing(server, url, monkeypatch, moment, overtake):
    """It wakes up before its copying, after it, or after its last commit to the old database."""
    monkeypatch.setattr(bucket, "LEASE_SECONDS", 0)
    slow = Bank.create(url, manifest())
    append(slow, ["a"])
    where, name = {
        "renewed": (BucketHome, "draft"),
        "copied": (commit, "write"),
        "closed": (Objects, "write"),  # of the pointer to the current database
    }[moment]
    go_on, documents = getattr(where, name), ["a"]

    def stalled(*args):
        if moment == "closed" and not args[1].endswith(".current"):
            return go_on(*args)
        monkeypatch.setattr(where, name, go_on)
        with Bank.open(url) as other:
            if overtake == "append":
                append(other, ["b"])
                documents.append("b")
            elif overtake == "compact":
                other.compact()
            else:
                with monkeypatch.context() as patch:
                    patch.setattr(View, "values", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
                    with pytest.raises(KeyboardInterrupt):
                        other.compact()
        return go_on(*args)

    slow.lock()
    monkeypatch.setattr(where, name, stalled)
    with pytest.raises(UserError, match="nothing was changed"):
        slow.compact()
    assert_holds(Bank.open(url), documents)
    with Bank.open(url) as bank:
        append(bank, ["c"])
        bank.compact()
        assert_holds(bank, [*documents, "c"])
    monkeypatch.setattr(bucket, "READERS_SECONDS", 0)
    Bank.open(url).lock()
    assert len({key.split("/")[2] for key in _keys(url) if key.endswith("/manifest.ocdbt")}) == 1
    assert_holds(Bank.open(url), [*documents, "c"])


def test_a_bank_from_before_attempts_had_names_is_read(server, url):
    with Bank.create(url, manifest()) as bank:
        append(bank, ["a"])
        bank.compact()
    store, root = boto3.client("s3"), f"{url.removeprefix('s3://banks/')}/{bank.manifest.id}/"
    for key in _keys(url):
        if "/00000.1-" in key:
            plain = root + "00000.1/" + key.split("/", 3)[3]
            store.copy_object(
                Bucket="banks", Key=plain, CopySource=f"banks/{url.removeprefix('s3://banks/')}{key}"
            )
    pointer = {"number": 1, "removed": 0, "time": 0.0}
    store.put_object(Bucket="banks", Key=root + "00000.current", Body=json.dumps(pointer))
    with Bank.open(url) as bank:
        append(bank, ["b"])
        assert_holds(bank, ["a", "b"])
        bank.compact()
    assert_holds(Bank.open(url), ["a", "b"])


def test_two_that_make_a_bank_at_once_make_one(server, url, monkeypatch):
    create = shard.create

    def overtaken(*arguments):
        monkeypatch.setattr(shard, "create", create)
        with Bank.create(url, manifest()) as faster:
            append(faster, ["a"])
        create(*arguments)

    monkeypatch.setattr(shard, "create", overtaken)
    with pytest.raises(UserError, match="another process has just made one"):
        Bank.create(url, manifest())
    assert_holds(Bank.open(url), ["a"])
    assert len({key.split("/")[1] for key in _keys(url)}) == 2  # the manifest, and one bank's objects


def test_what_was_done_but_not_answered_is_done_once(server, url):
    with server.failing("deaf"), Bank.create(url, manifest()) as bank:
        for id in ids("a", 6):
            append(bank, [id])
        assert_holds(bank, ids("a", 6))
    assert Bank.open(url).version == 6
    assert_holds(Bank.open(url), ids("a", 6))


def test_a_writer_whose_commit_was_cut_off_at_its_end_goes_on(server, url, monkeypatch):
    with Bank.create(url, manifest()) as bank:
        append(bank, ["a"])
        with monkeypatch.context() as patch:
            patch.setattr(View, "stored_head", lambda self: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                append(bank, ["b"])
        append(bank, ["c"])
        assert_holds(bank, ["a", "b", "c"])


def test_an_answer_of_the_store_that_says_nothing_of_the_rows_is_no_damage(server, url):
    with Bank.create(url, manifest()) as bank:
        append(bank, ids("a", 3))
    reader = Bank.open(url)
    with server.failing("expired"):
        for attempt in (reader.verify, lambda: reader.read_sound([0, 1]), reader.lock):
            with pytest.raises(UnreachableError, match="cannot be reached"):
                attempt()
    assert_holds(reader, ids("a", 3))


def test_a_bank_is_made_once_and_whole(server, url, monkeypatch):
    def die(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Objects, "write", die)
        with pytest.raises(KeyboardInterrupt):
            Bank.create(url, manifest())
    with pytest.raises(UserError, match=f"there is no bank at {url}: make one"):
        Bank.open(url)
    append(Bank.create(url, manifest()), ["a"])
    with pytest.raises(UserError, match=f"cannot create a bank at {url}: there is one already"):
        Bank.create(url, manifest())
    assert_holds(Bank.open(url), ["a"])


def test_a_build_goes_on_while_the_server_fails(server, url):
    with server.failing(), Bank.create(url, manifest()) as bank:
        assert build(bank, passages(ids("a", 24)), encode, commit_size=4).added == 24
    bank = Bank.open(url)
    assert_holds(bank, ids("a", 24))
    assert bank.verify() == []


@pytest.mark.parametrize("how", ["stalls", "dies"])
def test_a_build_ends_with_one_line_when_the_server_is_gone_and_goes_on_when_it_is_back(
    how, server, url, monkeypatch
):
    monkeypatch.setattr(bucket, "LEASE_SECONDS", 0)  # what the unreachable builder could not give back
    retries = {"max_retries": 1, "initial_delay": "20ms", "max_delay": "20ms"}
    monkeypatch.setattr(place, "CONTEXT", {"s3_request_retries": retries})
    calls = 0

    def encode_until_gone(batch):
        nonlocal calls
        calls += 1
        if calls == 3:
            gone.enter_context(server.stalled() if how == "stalls" else server.dead())
        return encode(batch)

    with contextlib.ExitStack() as gone:
        bank = Bank.create(url, manifest())
        append(bank, ["z"])
        reader = Bank.open(url)
        with pytest.raises(UnreachableError, match=rf"{url}.* cannot be reached .*check the URL"):
            build(bank, passages(ids("a", 16)), encode_until_gone, commit_size=4)
        # Not reached is not damaged: nothing is passed over, and nothing deleted for it.
        for attempt in (reader.verify, lambda: reader.delete(damaged=True), lambda: reader.read_sound([0])):
            with pytest.raises(UnreachableError):
                attempt()
    again = Bank.open(url)
    assert_holds(again, [record.id for record in again.records.values()])
    assert len(again) == 9
    built = build(again, passages(ids("a", 16)), encode, commit_size=4)
    assert (built.added, built.unchanged) == (8, 8)
    assert_holds(Bank.open(url), ["z", *ids("a", 16)])


def test_the_command_line_tells_an_unreachable_bank_from_a_wrong_one(server, url):
    command = [sys.executable, "-m", "regrad_jax.cli", "bank", "info", "--bank"]
    ask = lambda where, **env: subprocess.run(
        [*command, where], capture_output=True, text=True, env={**os.environ, **env}
    )
    Bank.create(url, manifest())
    assert ask(url).stdout.startswith("path")
    absent = ask(f"{url}_not")
    assert absent.returncode == 2 and f"there is no bank at {url}_not" in absent.stderr
    wrong = ask("ftp://banks/x")
    assert wrong.returncode == 2 and "ftp://banks/x: give a bank as a folder, s3://" in wrong.stderr
    with server.dead():
        dead = ask(url)
    assert dead.returncode == 1 and len(dead.stderr.splitlines()) == 1 and "cannot be reached" in dead.stderr


def test_the_index_of_a_bucket_is_kept_on_this_machine(server, url, tmp_path, monkeypatch):
    monkeypatch.setenv("REGRAD_HOME", str(tmp_path))
    pytest.importorskip("scann")
    with Bank.create(url, manifest()) as bank:
        append(bank, ids("a", 20))
        assert open_index(bank, "scann").kind == "scann"
        assert open_index(bank).reason.endswith("loaded")
        assert pathlib.Path(bank.index_folder).is_relative_to(tmp_path)
        assert not [key for key in _keys(url) if "index" in key]
    other = place_of(url).index_folder(manifest().id)
    assert other != bank.index_folder  # of the bank that comes after this one


@pytest.mark.parametrize("wrong", ["s3://banks", "s3://banks/", "s3:///x", "gs://", "http://banks/x"])
def test_a_url_that_names_no_place_is_refused(wrong):
    with pytest.raises(UserError, match=f"{wrong}: give a bank as a folder, s3://"):
        place_of(wrong)


def test_google_buckets_go_to_tensorstores_gcs_driver():
    home = place_of("gs://banks/a/b/").shard("00000", "1d")
    assert home.database("00000.2") == {"driver": "gcs", "bucket": "banks", "path": "a/b/1d/00000.2/"}
    assert str(home) == "gs://banks/a/b/1d/00000"
