"""Codecs are measured on one set of gradients."""

from regrad_jax.benchmarks import codecs as benchmark
from tests.tiny_regrad import SILENT

CODECS = ("float32", "float16", "int8", "int4", "int2")


def test_a_codec_of_fewer_bits_errs_more(regrad, tmp_path):
    measured = benchmark.measure(regrad, CODECS, entities=2, questions=2, progress=SILENT)
    assert [facts["codec"] for facts in measured] == list(CODECS)
    errors = [facts["update_error"] for facts in measured]
    assert errors[0] == 0 and errors == sorted(errors) and errors[-1] < 1
    assert max(measured, key=lambda facts: facts["bits"])["codec"] == "float32"
    length = regrad.checkpoint.layout.size
    assert all(facts["bytes_per_document"] > facts["bits"] * length / 8 for facts in measured)
    benchmark.plot(tmp_path / "codecs.png", measured)
    assert (tmp_path / "codecs.png").read_bytes().startswith(b"\x89PNG")
