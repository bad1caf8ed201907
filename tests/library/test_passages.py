"""Documents are cut to what a checkpoint can read."""

import pytest

from regrad_jax.data.documents import Document
from regrad_jax.errors import UserError
from regrad_jax.library.passages import fits, make_passages
from tests.library.test_banks import with_checkpoint
from tests.tiny_regrad import SILENT


def test_long_documents_are_cut_and_deleted_whole(regrad, tmp_path):
    long = Document("long", " ".join(f"Sentence number {n} is here." for n in range(60)), title="A title")
    passages = make_passages(regrad.runtime, [long])
    assert len(passages) > 3
    for passage in passages:
        tokens = regrad.runtime.base.tokenizer.tokenize(f"Passage: {passage.content}")
        assert len(tokens) <= regrad.checkpoint.document_tokens
        assert fits(regrad.runtime, passage)
    bank, _ = regrad.build([long], tmp_path / "b", progress=SILENT)
    with bank:
        assert bank.delete(["long"]) == len(passages)
    with pytest.raises(UserError, match="is empty"):
        regrad.ask(["what?"], bank)


def test_a_title_leaves_half_the_room_to_the_text(regrad):
    titled = Document("a", "The text of it.", title="a very long title " * 20)
    [passage] = make_passages(regrad.runtime, [titled])
    assert passage.text == "The text of it." and titled.title.startswith(passage.title)
    frame = regrad.runtime.tokens(regrad.runtime.wording.document(f"{passage.title}: "))
    assert len(frame) <= regrad.checkpoint.document_tokens // 2


def test_a_checkpoint_of_documents_that_hold_nothing_is_refused(regrad):
    short = with_checkpoint(regrad, document_tokens=3)
    with pytest.raises(UserError, match="documents have 3 tokens"):
        make_passages(short.runtime, [Document("a", "Some text.")])


def test_passages_whose_ids_collide_are_refused(regrad):
    documents = [Document("d", "One sentence of some words. " * 60), Document("d#1", "Five.")]
    with pytest.raises(UserError, match="two passages would have the id 'd#1'"):
        make_passages(regrad.runtime, documents)
