"""Indexes on disk: which one is loaded, and what damage and dead processes leave."""

import os
import time

import numpy as np
import pytest

from regrad_jax.retrieval import kept
from regrad_jax.retrieval.scann import ScannIndex
from tests.retrieval.fake_keys import clustered, queries_near

pytest.importorskip("scann")


@pytest.fixture(scope="module")
def index() -> ScannIndex:
    return ScannIndex.build(*clustered(100), "")


def test_a_saved_index_answers_as_before_wherever_the_bank_is_moved(index, tmp_path):
    kept.save(index, tmp_path / "bank" / "index", (7,))
    (tmp_path / "bank").rename(tmp_path / "moved")
    loaded = kept.load(tmp_path / "moved" / "index", (7,))
    assert loaded is not None and loaded.is_of_version
    assert loaded.scann_index.reason == "ScaNN: 100 documents, loaded"
    queries = queries_near(clustered(100)[1], 5)
    for ours, theirs in zip(loaded.scann_index.search(queries, 4), index.search(queries, 4), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_one_index_is_kept_and_serves_other_versions(index, tmp_path):
    assert kept.load(tmp_path / "index", (1,)) is None
    kept.save(index, tmp_path / "index", (1,))
    kept.save(index, tmp_path / "index", (3,))
    assert os.listdir(tmp_path / "index") == ["00000003"]
    for version, is_of_version in ((3, True), (1, False), (9, False)):
        loaded = kept.load(tmp_path / "index", (version,))
        assert loaded is not None and loaded.is_of_version == is_of_version
    kept.remove(tmp_path / "index")
    assert os.listdir(tmp_path) == []
    kept.remove(tmp_path / "index")


def test_the_own_version_is_loaded_before_a_newer_one(index, tmp_path):
    kept.save(ScannIndex.build(*clustered(40), ""), tmp_path / "other", (1,))
    kept.save(index, tmp_path, (2,))
    (tmp_path / "other" / "00000001").rename(tmp_path / "00000001")  # as of a save that died
    (tmp_path / "other").rmdir()
    sizes = {version: len(kept.load(tmp_path, (version,)).scann_index) for version in (1, 2, 3)}
    assert sizes == {1: 40, 2: 100, 3: 100}


def test_an_index_with_a_missing_file_is_not_loaded_and_is_replaced(index, tmp_path):
    kept.save(index, tmp_path, (1,))
    (tmp_path / "00000001" / "serialized_partitioner.pb").unlink()
    assert kept.load(tmp_path, (1,)) is None
    kept.save(index, tmp_path, (1,))
    assert kept.load(tmp_path, (1,)) is not None


@pytest.mark.parametrize("part", ["positions.npy", "dataset.npy", "datapoint_to_token.npy"])
def test_a_flipped_bit_in_an_index_is_noticed(index, tmp_path, part):
    kept.save(index, tmp_path, (1,))
    path = tmp_path / "00000001" / part
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    assert kept.load(tmp_path, (1,)) is None


def test_drafts_of_killed_processes_are_removed_and_young_ones_stay(index, tmp_path):
    for name, age in ((".killed", 7200), (".at work", 0)):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    kept.save(index, tmp_path, (1,))
    assert sorted(path.name for path in tmp_path.iterdir()) == [".at work", "00000001"]


def test_an_index_of_many_shards_is_kept_by_all_their_versions(index, tmp_path):
    version = tuple(range(256))
    kept.save(index, tmp_path, version)
    assert kept.load(tmp_path, version).is_of_version
    assert not kept.load(tmp_path, (1, 0, *version[2:])).is_of_version  # as many commits, but others
