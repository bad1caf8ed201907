"""Which state a version was: by hand, and against commits that are applied one by one."""

import random
from collections.abc import Sequence

from regrad_jax.bank.storage.history import Commits, Head, merged_log, oldest_state, state_of


def _ordered(commits: Sequence[Commits]) -> list[int]:
    """Applies the definition: the shard of each commit after the beginnings, in the bank's order."""
    timed = [
        (second, number, index)
        for number, (_, seconds) in enumerate(commits)
        for index, second in enumerate(seconds)
        if index
    ]
    return [number for _, number, _ in sorted(timed)]


def _states(commits: Sequence[Commits]) -> list[tuple[int, ...]]:
    """Every state from the shards' beginnings on, those that cannot be opened among them."""
    state = [shard.oldest for shard in commits]
    states = [tuple(state)]
    for number in _ordered(commits):
        state[number] += 1
        states.append(tuple(state))
    return states


def _random_commits(rng: random.Random) -> list[Commits]:
    """Commits of one to four shards within a few seconds, so that many fall into the same one."""
    last = rng.choice([0, 1, 3, 50])
    return [
        Commits(rng.choice([0, 0, 7]), sorted(rng.randint(0, last) for _ in range(rng.randint(1, 8))))
        for _ in range(rng.randint(1, 4))
    ]


def test_any_interleaving_gives_back_every_state():
    for seed in range(300):
        commits = _random_commits(random.Random(seed))
        start = max(seconds[0] for _, seconds in commits)
        # Where shards begin in different seconds, what came before the last beginning cannot be opened.
        oldest = tuple(
            begin + max(0, sum(second < start for second in seconds) - 1) for begin, seconds in commits
        )
        assert oldest_state(commits) == oldest, commits
        states = _states(commits)
        for version, state in enumerate(states[states.index(oldest) :], start=sum(oldest)):
            assert state_of(commits, version) == state, (commits, version)


def test_commits_of_one_second_count_by_their_shard():
    commits = [Commits(0, [5, 5, 5]), Commits(0, [5, 5]), Commits(0, [5])]
    assert oldest_state(commits) == (0, 0, 0)
    assert [state_of(commits, version) for version in range(4)] == [
        (0, 0, 0),
        (1, 0, 0),
        (2, 0, 0),
        (2, 1, 0),
    ]


def test_a_shard_that_begins_late_hides_what_came_before():
    """Shard 1 was compacted in second 9, when shard 0 had committed in seconds 3 and 9."""
    commits = [Commits(0, [1, 3, 9]), Commits(6, [9, 12])]
    assert oldest_state(commits) == (1, 6)
    assert [state_of(commits, version) for version in (7, 8, 9)] == [(1, 6), (2, 6), (2, 7)]


class _Counting(Sequence):
    """Seconds that count how often they are read."""

    def __init__(self, seconds: Sequence[int]):
        self._seconds = seconds
        self.reads: set[int] = set()

    def __len__(self):
        return len(self._seconds)

    def __getitem__(self, index):
        self.reads.add(range(len(self))[index])
        return self._seconds[index]


def test_few_of_many_commits_are_read():
    shards = [_Counting(range(0, 40_000, 2)), _Counting(range(1, 40_001, 2))]
    commits = [Commits(0, seconds) for seconds in shards]
    assert state_of(commits, 12_345) == (6173, 6172)
    # Two nested bisections, whose inner one narrows down: some hundreds of 20,000 heads.
    assert all(len(seconds.reads) < 300 for seconds in shards)


def test_reads_of_all_shards_can_be_done_at_once():
    batches: list[int] = []

    def together(ask, shards):
        batches.append(len(shards))
        return [ask(shard) for shard in shards]

    commits = [Commits(0, [1, 2, 3])] * 3
    assert state_of(commits, 4, together) == state_of(commits, 4)
    assert set(batches) == {3}


def _heads(oldest: int, seconds: Sequence[int], counts: Sequence[int]) -> list[Head]:
    """A shard's log, newest first, with so many documents after each commit."""
    heads = []
    for index, (second, documents) in enumerate(zip(seconds, counts, strict=True)):
        added = max(0, documents - counts[index - 1]) if index else 0
        removed = max(0, counts[index - 1] - documents) if index else 0
        time = f"2026-01-01T00:00:{second:02d}+00:00"
        heads.append(Head(oldest + index, 100, documents, time, added, removed, f"in {second}", oldest))
    return heads[::-1]


def test_the_log_of_the_bank_merges_those_of_its_shards():
    logs = [_heads(0, [10, 12, 15], [0, 3, 2]), _heads(4, [10, 12, 12], [5, 6, 9])]
    merged = merged_log(logs, 9)
    assert [(head.version, head.documents, head.reason, head.added, head.removed) for head in merged] == [
        (8, 11, "in 15", 0, 1),
        (7, 12, "in 12", 3, 0),
        (6, 9, "in 12", 1, 0),
        (5, 8, "in 12", 3, 0),
        (4, 5, "in 10", 0, 0),
    ]
    assert [head.version for head in merged_log(logs, 2)] == [8, 7]


def test_the_log_goes_through_the_states_of_the_bank_backwards():
    for seed in range(100):
        rng = random.Random(seed)
        commits = _random_commits(rng)
        logs = [_heads(begin, seconds, [rng.randint(0, 9) for _ in seconds]) for begin, seconds in commits]
        documents = {
            (number, head.version): head.documents for number, log in enumerate(logs) for head in log
        }
        last = rng.choice([1, 3, 100])
        merged = merged_log([log[:last] for log in logs], last)
        newest, oldest = sum(log[0].version for log in logs), sum(oldest_state(commits))
        assert [head.version for head in merged] == [*range(newest, max(oldest - 1, newest - last), -1)]
        for head in merged:
            state = enumerate(state_of(commits, head.version))
            assert head.documents == sum(documents[number, version] for number, version in state), commits
