"""What methods that answer from a bank have in common: they put the documents into one and search it."""

import dataclasses
from collections.abc import Sequence

from regrad_jax.data.documents import Document, Question
from regrad_jax.errors import UserError
from regrad_jax.library.banks import build_bank
from regrad_jax.methods.base import Method
from regrad_jax.methods.lookup import Lookup
from regrad_jax.retrieval.base import Retrieved


class BankMethod(Method):
    """A method whose documents are in a bank."""

    uses_bank = True

    def prepare(self, documents: Sequence[Document]) -> None:
        """Makes a bank of exactly these documents at the setup's folder; rows that are there stay.

        Raises:
            UserError: the setup names no folder, or the bank there was made otherwise.
        """
        setup = self.setup
        if setup.folder is None:
            raise UserError(f"mode {setup.options.mode} needs a folder for its bank; give one with `folder`")
        bank, _ = build_bank(setup.runtime, documents, setup.folder, setup.build, setup.progress)
        wanted = {document.id for document in documents}
        with bank:
            bank.delete({record.document_id for record in bank.records.values()} - wanted)
        self.setup = dataclasses.replace(setup, lookup=Lookup(setup.runtime, bank))

    @property
    def lookup(self) -> Lookup:
        """Where documents are looked up.

        Raises:
            UserError: there is no bank.
        """
        if self.setup.lookup is None:
            raise UserError(f"mode {self.setup.options.mode} needs a bank; give one with `bank`")
        return self.setup.lookup

    def search(self, questions: Sequence[Question]) -> Retrieved:
        """Finds documents as the setup says.

        Raises:
            UserError: the bank is empty.
        """
        options = self.setup.options
        if self.setup.retriever is not None:
            return self.setup.retriever(self.lookup.bank).search(questions, options.top_k)
        return self.lookup.search(questions, options)
