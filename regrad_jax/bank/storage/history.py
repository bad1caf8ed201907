"""The order of commits in a bank of several shards: which version held which commits of which shard.

Each shard counts its own commits, and nothing on the disk counts those of all shards together. A bank's
version is the number of commits that its shards have made, and the bank's state says how many each shard has
made. The times of the commits, in whole seconds, tell which state an older version had:

  * Commits are ordered by their time. Within a second, those of a lower shard come first. Within a shard,
    they keep the shard's own order, since its times never decrease.
  * A shard begins with the oldest version that can be opened. The beginnings of all shards come before any
    other commit of their second.
  * The oldest state of the bank is that of the second in which its last shard begins, before this second's
    other commits: what came earlier cannot be opened in every shard.

Everything here is a function of sequences. The callers decide where the times come from, so a sequence may
read each time when it is first asked for. A version is found by bisection and reads few of them.

Example: shard 0 begins in second 10 and commits in seconds 12 and 15. Shard 1 begins in second 10 with
version 4, after a compaction, and commits twice in second 12.

>>> commits = [Commits(0, [10, 12, 15]), Commits(4, [10, 12, 12])]
>>> oldest_state(commits)
(0, 4)
>>> [state_of(commits, version) for version in range(4, 9)]
[(0, 4), (1, 4), (1, 5), (1, 6), (2, 6)]
"""

import bisect
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

State = tuple[int, ...]  # how many commits each shard has made
OfEach = Callable[[Callable[["Commits"], int], Sequence["Commits"]], Iterable[int]]  # `map`, or one like it


class Head(NamedTuple):
    """The state of a shard after a commit.

    Attributes:
        version: number of the commit; 0 is the empty shard.
        next_position: where the next document goes.
        documents: how many there are.
        time: of the commit, ISO 8601, UTC, in whole seconds.
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


class Commits(NamedTuple):
    """The commits of one shard.

    Attributes:
        oldest: the version with which the shard begins.
        seconds: when this version and each later one was made; at least one, never decreasing.
    """

    oldest: int
    seconds: Sequence[int]


def oldest_state(commits: Sequence[Commits], of_each: OfEach = map) -> State:
    """Returns the oldest state that can be opened.

    Args:
        commits: of each shard.
        of_each: used as `map` is, for what reads the seconds of every shard; it may read several at once.
    """
    return _state_before(commits, _start(commits, of_each), of_each)


def state_of(commits: Sequence[Commits], version: int, of_each: OfEach = map) -> State:
    """Returns the state that a version of the bank had.

    Args:
        commits: of each shard.
        version: from the sum of `oldest_state` to the number of all commits.
        of_each: as for `oldest_state`.
    """
    start, newest = _start(commits, of_each), max(shard.seconds[-1] for shard in commits)
    before = lambda second: _state_before(commits, second, of_each)
    seconds = range(start, newest + 2)
    second = seconds[bisect.bisect_right(seconds, version, key=lambda second: sum(before(second))) - 1]
    # What is left of the version are commits of this second, of which the lower shards' come first.
    state = list(before(second))
    left = version - sum(state)
    for number, end in enumerate(before(second + 1)):
        taken = min(left, end - state[number])
        state[number], left = state[number] + taken, left - taken
    return tuple(state)


def merged_log(logs: Sequence[Sequence[Head]], last: int) -> list[Head]:
    """Returns the bank's last commits, newest first.

    Args:
        logs: of each shard its last `last` commits, newest first, or all where there are fewer.
        last: how many to return; fewer where the bank begins before.

    Returns:
        The heads of the shards that committed, with `version` and `documents` of the bank.
    """
    newest = [log[0] for log in logs]
    begins = lambda number, head: head.version == newest[number].oldest
    heads = [(number, head) for number, log in enumerate(logs) for head in log]
    heads.sort(key=lambda item: (item[1].time, not begins(*item), item[0], item[1].version))
    version, documents = sum(head.version for head in newest), sum(head.documents for head in newest)
    merged: list[Head] = []
    for number, head in reversed(heads):
        merged.append(head._replace(version=version, documents=documents))
        if begins(number, head) or len(merged) == last:
            break
        version, documents = version - 1, documents - head.added + head.removed
    return merged


def _start(commits: Sequence[Commits], of_each: OfEach) -> int:
    """Returns the second in which the last shard begins."""
    return max(of_each(lambda shard: shard.seconds[0], commits))


def _state_before(commits: Sequence[Commits], second: int, of_each: OfEach) -> State:
    """Returns each shard's last version from before a second, or the version with which it begins."""

    def last(shard: Commits) -> int:
        return shard.oldest + max(0, bisect.bisect_left(shard.seconds, second) - 1)

    return tuple(of_each(last, commits))
