"""What the verbs' tests share: a tiny checkpoint with a user's own corpus and questions."""

import json

import pytest

from regrad_jax.data.almanac.generate import generate
from tests.tiny_regrad import write_checkpoint

CONFIG = """
import ml_collections

def get_config():
    own = {{"kind": "own", "corpus": {corpus!r}, "questions": {questions!r}, "codec": "int8"}}
    own["settings"] = ("Direct", "ReGrad k=1")
    return ml_collections.ConfigDict({{"datasets": {{"mine": own}}}})
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny base model, a random checkpoint, a corpus, questions, and the config that measures on them."""
    folder = tmp_path_factory.mktemp("evaluate")
    write_checkpoint(folder)
    almanac = generate(6, seed=3, split="train", kinds=("person",))
    write(folder / "corpus.jsonl", almanac.documents)
    asked = [
        {"id": q.id, "question": q.question, "answer": q.answers[0], "document_id": q.document_id}
        for q in almanac.questions[:5]
    ]
    (folder / "questions.jsonl").write_text("\n".join(map(json.dumps, asked)))
    paths = {"corpus": str(folder / "corpus.jsonl"), "questions": str(folder / "questions.jsonl")}
    (folder / "mine.py").write_text(CONFIG.format(**paths))
    return folder


def write(path, documents) -> None:
    lines = [json.dumps({"id": d.id, "text": d.text, "title": d.title}) for d in documents]
    path.write_text("\n".join(lines))
