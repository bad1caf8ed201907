r"""Prints digests of what the released checkpoint and a short training run do on this machine.

    .venv/bin/python experiments/studies/behaviour.py > before.json

Use it to check a change of the code that is meant to change no behaviour. Run it before the change and after
it, on the same machine, and compare the two outputs: they must be equal. A run takes about six minutes on two
cores.
"""

import argparse
import hashlib
import json
import pathlib
import tempfile
from typing import Any

import numpy as np

from regrad_jax.adaptation.codecs import CODECS
from regrad_jax.api import ReGrad
from regrad_jax.data.almanac.generate import generate
from regrad_jax.data.readers.fieldnotes import load_fieldnotes
from regrad_jax.library.passages import encode_passages, make_passages
from regrad_jax.methods.options import Options
from regrad_jax.methods.table import METHODS

_DOCUMENTS, _QUESTIONS = 10, 40
_ENTRIES, _STEPS = 1000, 10


def almanac_digest(split: str) -> str:
    """Returns the sha256 of 1,000 generated entries with their questions."""
    almanac = generate(_ENTRIES, seed=0, split=split)
    documents = [(d.id, d.text, d.title, d.source) for d in almanac.documents]
    questions = [(q.id, q.question, q.answers, q.document_id) for q in almanac.questions]
    return _digest([documents, questions])


def row_digests(regrad: ReGrad) -> dict[str, str]:
    """Returns the sha256 of the packed rows of three documents by codec, and of their keys."""
    documents, _ = load_fieldnotes()
    passages = make_passages(regrad.runtime, documents[:3])
    encoded = encode_passages(regrad.runtime, passages, 3, regrad.checkpoint.layout)
    packed = {name: np.asarray(codec.encode(encoded.rows_NxP)) for name, codec in CODECS.items()}
    arrays = packed | {"keys": encoded.keys_NxE, "losses": encoded.losses_N}
    return {name: hashlib.sha256(array.tobytes()).hexdigest() for name, array in arrays.items()}


def answers(regrad: ReGrad, folder: pathlib.Path) -> dict[str, list[Any]]:
    """Returns 40 answers in every mode, each with its documents and their scores."""
    documents, questions = load_fieldnotes()
    bank, _ = regrad.build(documents[:_DOCUMENTS], folder)
    return {
        mode: [
            [answer.answer, [[cited.id, f"{cited.score:.4f}"] for cited in answer.documents]]
            for answer in regrad.ask(questions[:_QUESTIONS], bank, Options(mode, top_k=2))
        ]
        for mode in METHODS
    }


def losses(workdir: pathlib.Path, **changes: Any) -> list[float]:
    """Returns the losses of ten training steps."""
    import importlib.util

    from regrad_jax.training.config import TrainConfig
    from regrad_jax.training.loop import train

    path = pathlib.Path(__file__).parents[1] / "configs" / "one_kind.py"
    spec = importlib.util.spec_from_file_location("one_kind", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    config = module.get_config()
    config.update({"stages": ((_STEPS, {next(iter(config.sources)): 1.0}),), "eval_documents": 4} | changes)
    train(TrainConfig.from_dict(config), workdir)
    lines = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    return [line["outer_loss"] for line in lines if "outer_loss" in line]


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, ensure_ascii=False).encode()).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.parse_args()
    facts: dict[str, Any] = {
        f"almanac {split}": almanac_digest(split) for split in ("train", "validation", "test")
    }
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        regrad = ReGrad.load()
        facts["rows"] = row_digests(regrad)
        facts["answers"] = answers(regrad, folder / "bank")
        facts["losses, theta zero"] = losses(folder / "zero")
        facts["losses, theta learned"] = losses(
            folder / "learned", theta="learned", codec="ternary", documents_per_question=2,
            sources={"almanac": {"anchors": 2, "questions_per_document": 1, "dataset": {"entities": 200}}},
        )  # fmt: skip
    print(json.dumps(facts, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
