"""Splits a data set by the order of its items: the first to train, the next to validate, the rest to test."""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar

from regrad_jax.errors import UserError
from regrad_jax.settings import require_count_or_share

SPLITS = ("train", "validation", "test")
Item = TypeVar("Item")


class SplitSizes(NamedTuple):
    """How many items the first two splits hold; each is a whole number, or a share of all below 1.

    Attributes:
        items: what is split, in the plural, such as "articles". The settings that hold the sizes are called
            `train_articles` and `validation_articles` then.
        train: how many items are trained on.
        validation: how many items are validated on.
    """

    items: str
    train: float
    validation: float

    @property
    def settings(self) -> dict[str, float]:
        """The sizes by the names of their settings."""
        return {f"train_{self.items}": self.train, f"validation_{self.items}": self.validation}

    def check(self) -> None:
        """Refuses sizes that are neither whole numbers nor shares.

        Raises:
            UserError: the message begins with the name of the setting.
        """
        for name, size in self.settings.items():
            require_count_or_share(name, size)

    def take(self, items: Sequence[Item], split: str, where: Any) -> Sequence[Item]:
        """Returns the items of one split.

        Args:
            items: all, in their order.
            split: "train", "validation" or "test".
            where: the place of the items, with which messages begin.

        Raises:
            UserError: the sizes leave no item to test on, or the split is empty.

        >>> SplitSizes("articles", 0.5, 1).take("abcdef", "train", "file.json")
        'abc'
        >>> SplitSizes("articles", 0.5, 1).take("abcdef", "test", "file.json")
        'ef'
        """
        train, validation = (
            round(size * len(items)) if size < 1 else int(size) for size in (self.train, self.validation)
        )
        if train + validation >= len(items):
            raise UserError(
                f"{where}: {len(items)} {self.items} cannot be split into {train} to train, {validation} to "
                f"validate and at least one to test; lower {self._names}, or give shares, such as 0.8 and 0.1"
            )
        bounds = {
            "train": (0, train),
            "validation": (train, train + validation),
            "test": (train + validation, None),
        }
        start, end = bounds[split]
        if start == end:
            raise UserError(
                f"{where}: of {len(items)} {self.items} none is in split {split!r}; raise "
                f"`{split}_{self.items}`, to a number or to a share such as 0.1"
            )
        return items[start:end]

    def conflict(self, trained: "SplitSizes") -> str | None:
        """Returns how these sizes differ from those of a training on the same items; None where they agree.

        With other sizes what is tested on may have been trained on. The message begins with a setting's name.
        """
        for (name, here), there in zip(self.settings.items(), trained.settings.values(), strict=True):
            if here != there:
                return (
                    f"{name}: {here:g}, but the checkpoint was trained with {there:g}, so it may have seen "
                    "what it is tested on; give the same"
                )
        return None

    @property
    def _names(self) -> str:
        return " and ".join(f"`{name}`" for name in self.settings)
