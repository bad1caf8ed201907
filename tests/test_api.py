"""The public face."""

import subprocess
import sys

import pytest

import regrad_jax


def test_every_public_name_is_what_its_module_has():
    assert sorted(regrad_jax.__all__) == regrad_jax.__all__
    for name in regrad_jax.__all__:
        assert getattr(regrad_jax, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'Regrad'"):
        _ = regrad_jax.Regrad


def test_a_name_is_imported_when_it_is_used():
    program = "import sys, regrad_jax; regrad_jax.read_corpus; print('jax' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_the_session_of_the_last_bank_is_kept(regrad, people_bank):
    session = regrad.session(people_bank)
    assert regrad.session(people_bank) is session
    assert regrad.session() is not session
