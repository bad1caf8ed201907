"""Plans against numbers worked out by hand, and against what a real bank stores."""

import dataclasses
import math

import numpy as np
import pytest

from regrad_jax.adaptation.adapter import AdapterConfig
from regrad_jax.bank.bank import Bank
from regrad_jax.bank.manifest import Fingerprint, Manifest
from regrad_jax.bank.records import Entry, Record, pack_record
from regrad_jax.data.readers.fieldnotes import load_fieldnotes
from regrad_jax.errors import UserError
from regrad_jax.library.plan import best_rate, build_hours, plan_bank, row_length
from regrad_jax.models.config import PRESETS, DecoderConfig

SMOLLM2 = PRESETS["smollm2-135m"]
CORE = AdapterConfig("core", 32, 15)


@pytest.mark.parametrize(
    ("model", "kind", "rank", "first_layer", "numbers"),
    [
        ("smollm2-135m", "core", 32, 15, 15 * 3 * 32 * 32),  # 46,080
        ("smollm2-135m", "lora", 16, 15, 15 * 3 * 16 * (576 + 1536)),  # 1,520,640
        ("smollm2-135m", "lora_b", 16, 15, 15 * 16 * (1536 + 1536 + 576)),
        ("llama3.2-1b", "core", 32, 8, 8 * 3 * 32 * 32),
        ("llama3.1-8b", "lora", 8, 31, 3 * 8 * (4096 + 14_336)),
    ],
)
def test_a_row_has_the_numbers_of_its_adapter(model, kind, rank, first_layer, numbers):
    assert row_length(PRESETS[model], AdapterConfig(kind, rank, first_layer)) == numbers


@pytest.mark.parametrize(
    ("codec", "packed"),
    [
        ("float32", 46_080 * 4),
        ("int8", 46_080 + 720 * 2),
        ("int4", 23_040 + 720 * 2),  # 24,480: two numbers a byte, a scale for every 64
        ("ternary", 9_216 + 180 * 2),  # five numbers a byte, a scale for every 256
    ],
)
def test_bytes_by_hand(codec, packed):
    plan = plan_bank(SMOLLM2, CORE, codec, 1e6, text_bytes=1000, top_k=4)
    row = packed + 4  # and a crc32c
    assert plan.bytes_per_document["row"] == row
    assert plan.bytes_per_document["key"] == 384 * 4 + 4
    assert plan.bytes_per_question == 4 * row
    *parts, total = plan.bytes_per_document.values()
    assert total == sum(parts) and plan.bytes == 1e6 * total
    assert 1e6 * (total - plan.bytes_per_document["store"]) < plan.bytes_compacted < plan.bytes


def test_small_banks_keep_no_index():
    few, many = (plan_bank(SMOLLM2, CORE, "int8", n).bytes_per_document for n in (19_999, 20_000))
    assert few["index"] == 0 < many["index"]
    assert many["total"] - few["total"] == many["index"]


def test_flops_by_hand():
    """Three layers, two of them adapted: width 8, two heads and one key/value head of 4, MLP 16, 32 words."""
    tiny = DecoderConfig(vocab_size=32, width=8, layers=3, heads=2, kv_heads=1, head_dim=4, mlp_dim=16)
    layer = 8 * 8 + 2 * 8 * 4 + 8 * 8 + 3 * 8 * 16  # queries, keys and values, outputs, MLP
    products = layer + 2 * 2 * layer + 2 * 8 * 32
    plan = plan_bank(tiny, AdapterConfig("core", 2, 1), "int8", 1, tokens=10)
    assert plan.flops_per_document == 10 * 2 * products
    four = plan_bank(tiny, AdapterConfig("core", 2, 1), "int8", 1, tokens=10, inner_steps=4)
    assert four.flops_per_document == 10 * 2 * (layer + 4 * (products - layer))
    assert plan_bank(SMOLLM2, CORE, "int8", 1).flops_per_document == pytest.approx(55.26e9, rel=1e-3)


def test_hours():
    plan = plan_bank(SMOLLM2, CORE, "int8", 1)
    assert best_rate(plan, 3 * plan.flops_per_document) == pytest.approx(3)
    assert build_hours(7200, 0.5) == 4


def test_a_real_bank_stores_what_was_planned(tmp_path):
    manifest = Manifest(
        fingerprint=Fingerprint({}), row_length=row_length(SMOLLM2, CORE), row_layout=[], embedder="",
        embedder_digest="", key_width=384, codec="int4",
    )  # fmt: skip
    with Bank.create(tmp_path / "bank", manifest) as bank:
        entry = Entry(id="a", document_id="a", text="Some text.", tokens=3, inner_loss=1.0)
        bank.append([entry], np.ones((1, manifest.row_length)), np.ones((1, 384)))
    stored = bank.info()["bytes_per_document"]
    planned = plan_bank(SMOLLM2, CORE, "int4", 1).bytes_per_document
    assert {part: planned[part] for part in ("row", "key")} == {part: stored[part] for part in ("row", "key")}


@pytest.mark.parametrize("length", [100, 400, 1000])
def test_a_record_is_about_as_long_as_planned(length):
    notes, _ = load_fieldnotes()
    text = " ".join(note.text for note in notes)
    sizes = []
    for start in range(0, len(text) - length, length):
        entry = Entry(
            id=f"passage-{start:08d}", document_id=f"passage-{start:08d}", text=text[start : start + length],
            source="corpus.jsonl", tokens=length // 4, inner_loss=3.14159,
        )  # fmt: skip
        sizes.append(len(pack_record(Record.of(entry, start, "2026-01-01T00:00:00+00:00"))))
    planned = plan_bank(SMOLLM2, CORE, "int8", 1, text_bytes=length).bytes_per_document["record"]
    assert planned == pytest.approx(np.mean(sizes), rel=0.1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"documents": -5}, "`documents` is -5"),
        ({"documents": math.nan}, "`documents` is nan"),
        ({"documents": math.inf}, "`documents` is inf"),
        ({"tokens": 0}, "`tokens` is 0"),
        ({"text_bytes": -1}, "`text_bytes` is -1"),
        ({"top_k": 0}, "`top_k` is 0"),
        ({"codec": "int5"}, "no codec is called 'int5'"),
        ({"adapter": dataclasses.replace(CORE, first_layer=30)}, "first_layer 30"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(change, words):
    given = {"decoder": SMOLLM2, "adapter": CORE, "codec": "int8", "documents": 1} | change
    with pytest.raises(UserError, match=words):
        plan_bank(**given)


def test_rates_that_cannot_be_are_refused():
    with pytest.raises(UserError, match="`documents_per_second` is 0"):
        build_hours(1, 0)
    with pytest.raises(UserError, match="`flops` is -1"):
        best_rate(plan_bank(SMOLLM2, CORE, "int8", 1), -1)
