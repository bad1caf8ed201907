"""What may not be read is said to be so, and never taken for damage.

The tests read as another user, in a process of its own that gives up root's rights: root may read everything.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import pytest

from regrad_jax.bank.bank import Bank
from regrad_jax.bank.storage.errors import UnreachableError, UnreadableError, require_answer, writing
from regrad_jax.bank.storage.folder import FolderHome
from regrad_jax.bank.storage.place import Home
from regrad_jax.errors import UserError
from tests.bank.banks import append, arrays, assert_holds, file_of, ids, manifest

NOBODY = 65534


@pytest.fixture
def path():
    """A bank in a folder that every user may enter, unlike pytest's."""
    folder = pathlib.Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    with Bank.create(folder / "bank", manifest(shards=2)) as bank:
        append(bank, ids("a", 6))
    yield folder / "bank"
    for root, folders, files in os.walk(folder):  # open to its owner before what is in it is listed
        for name in folders + files:
            os.chmod(os.path.join(root, name), 0o755)
    shutil.rmtree(folder)


READER = """
import concurrent.futures.thread, json, os, sys
from regrad_jax.bank.bank import Bank  # everything is imported before the rights are gone

if os.getuid() == 0:
    os.setgroups([])
    os.setgid({nobody})
    os.setuid({nobody})

def attempt(path, read):
    try:
        eval("Bank.open(path)" + read)
        return "done"
    except Exception as error:
        return type(error).__name__ + ": " + str(error)

print(json.dumps([attempt(path, read) for path, read in json.loads(sys.argv[1])]))
"""
READS = (".records", ".keys()", ".read_sound([0])", ".verify()", ".info()", ".log()")


def _as_nobody(*attempts: tuple[pathlib.Path, str]) -> list[str]:
    """Returns what comes of opening each bank, and of using it so, as a user that owns nothing."""
    orders = json.dumps([(str(path), use) for path, use in attempts])
    done = subprocess.run(
        [sys.executable, "-c", READER.format(nobody=NOBODY), orders],
        capture_output=True,
        text=True,
        env=os.environ | {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": ""},
    )
    if "Operation not permitted" in done.stderr:
        pytest.skip("this process is root and may not become another user")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_another_user_reads_what_it_may_read(path):
    *outcomes, lock = _as_nobody(*((path, read) for read in (*READS, ".lock()")))
    assert set(outcomes) == {"done"}
    if os.getuid() == 0:
        assert lock.startswith("UserError") and "cannot be written: Permission denied" in lock


def test_a_part_of_a_bank_that_may_not_be_read_is_named(path):
    parts = {
        ".": "bank",
        "..": "bank",
        "manifest.json": r"manifest\.json",
        "shards": "shards",
        "shards/00001": "shards/00001",
        "shards/00001/manifest.ocdbt": r"shards/00001/manifest\.ocdbt",
        "shards/00001/d": r"shards/00001\S*",  # the folder, or a file in it
    }
    copies = [path.parent / str(number) / "bank" for number in range(len(parts))]
    for copy, part in zip(copies, parts, strict=True):
        shutil.copytree(path, copy)
        (copy / part).chmod(0)
    outcomes = _as_nobody(*((copy, "") for copy in copies))
    for copy, outcome, named in zip(copies, outcomes, parts.values(), strict=True):
        place = copy.parent if named == "bank" else copy
        expected = rf"UnreadableError: {place}/{named} cannot be read: Permission denied; read it as .*"
        assert re.fullmatch(expected, outcome), (named, outcome)


def test_a_data_file_that_may_not_be_read_is_named_by_every_read(path):
    bank = Bank.open(path)
    position, record = next(iter(bank.records.items()))
    file = file_of(path, arrays([record.id])[0].tobytes())
    file.chmod(0)
    reads = ".records", ".keys()", f".read_sound([{position}])", ".verify()"
    for outcome in _as_nobody(*((path, read) for read in reads)):
        assert outcome.startswith(f"UnreadableError: {file} cannot be read: Permission denied; ")


def test_an_index_and_a_lock_that_may_not_be_read(path):
    """The bytes on the disk cannot be counted without the index; everything else does without either."""
    (path / "index").mkdir(mode=0)
    (path / "shards" / "00000.lock").chmod(0)
    others = [read for read in READS if read != ".info()"]
    info, lock, *outcomes = _as_nobody(*((path, read) for read in (".info()", ".lock()", *others)))
    assert info.startswith(f"UnreadableError: {path}/index cannot be read: Permission denied; ")
    assert "shards/00000 cannot be written: Permission denied" in lock
    assert set(outcomes) == {"done"}


def test_an_index_that_a_compaction_may_not_remove_is_named(path):
    """It may hold keys of deleted documents, so its owner must be told to remove it."""
    index = path / "index"
    if os.getuid() == 0:  # the bank is nobody's, its index is root's
        for part in [path.parent, *path.parent.rglob("*")]:
            os.chown(part, NOBODY, NOBODY)
    index.mkdir()
    (index / "file").write_text("keys")
    index.chmod(0o555)
    [outcome] = _as_nobody((path, ".compact()"))
    expected = f"UserError: the bank is compacted, but its search index {index} cannot be removed (Permission"
    assert outcome.startswith(expected)
    assert_holds(Bank.open(path), ids("a", 6))


def test_the_command_line_says_it_in_one_line(path):
    (path / "shards").chmod(0)
    program = f"""
import concurrent.futures.thread, os, sys
from regrad_jax.cli import bank, main
if os.getuid() == 0:
    os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
sys.argv = ["regrad", "bank", "info", "--bank", {str(path)!r}]
sys.exit(main.main())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    if "Operation not permitted" in done.stderr:
        pytest.skip("this process is root and may not become another user")
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1, done.stderr
    assert f"{path}/shards cannot be read: Permission denied" in done.stderr


class _Bucket(Home):
    leased = True

    def __str__(self):
        return "s3://banks/b"


def test_answers_of_a_store_are_told_from_those_of_a_folder(tmp_path):
    error = ValueError(
        'PERMISSION_DENIED: Error reading "x": Failed to open: "/b/d/file": Permission denied [a]'
    )
    with pytest.raises(UnreadableError, match="^/b/d/file cannot be read: Permission denied; "):
        require_answer(FolderHome(tmp_path), error)
    with pytest.raises(UnreadableError, match=f"^{tmp_path} cannot be read: Permission denied; "):
        require_answer(FolderHome(tmp_path), ValueError("PERMISSION_DENIED: Error reading Byte range"))
    with pytest.raises(UnreachableError, match="^s3://banks/b cannot be reached .PERMISSION_DENIED: Error"):
        require_answer(_Bucket(), error)
    require_answer(_Bucket(), ValueError("DATA_LOSS: checksum"))  # says something of the bytes


def test_a_full_disk_is_an_error_of_one_line(tmp_path):
    with (
        pytest.raises(UserError, match="cannot be written .No space left.*nothing was changed: make room"),
        writing(FolderHome(tmp_path)),
    ):
        raise OSError("No space left\non the device")
    with pytest.raises(UnreachableError, match="cannot be reached"), writing(_Bucket()):
        raise ValueError("UNAVAILABLE: nobody answers")
