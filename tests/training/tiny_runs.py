"""Runs on the tiny model that the tests of several training modules share."""

import json
import pathlib

import numpy as np


class Embedder:
    """Stands in for MiniLM: keys from the counts of letters, of unit length."""

    @classmethod
    def load(cls, folder):
        return cls()

    def embed(self, texts):
        keys = np.array([[text.count(chr(97 + n)) for n in range(26)] for text in texts], np.float32)
        return keys / np.linalg.norm(keys, axis=1, keepdims=True)


# What a config is changed by, for theta held at zero and for theta learned.
THETAS = {
    "zero": {},
    "learned": {
        "theta": "learned",
        "inner": {"weighting": "sum", "adapter": {"kind": "lora", "rank": 2, "first_layer": 2}},
    },
}


ONE = ((1, {"almanac": 1.0}),)
SHOWN = {
    "dataset": {"kind": "almanac", "entities": 24, "kinds": ("person",)},
    "anchors": 2,
    "questions_per_document": 1,
    "document_tokens": 128,
    "question_tokens": 320,  # with two people in the prompt
    "answer_tokens": 12,
    "context": 0.5,
    "gold_absent": 0.25,
}


def metrics(workdir: pathlib.Path) -> list[dict]:
    """The lines of metrics.jsonl without what a clock says."""
    lines = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key not in ("time", "speed")} for line in lines]


def release_bytes(workdir: pathlib.Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (workdir / "release").iterdir()}
