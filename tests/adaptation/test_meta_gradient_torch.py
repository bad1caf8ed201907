"""Document gradients and the meta-gradient against PyTorch: autograd through transformers' Llama.

PyTorch walks the documents and questions one by one, without padding and without `vmap`, and forms the
meta-gradient with `create_graph=True`. Weights are shared through a saved folder. Both sides compute in
float64: the slope of one step size for everything is what is left where large terms cancel, and in float32
its last digits are rounding, which differs between machines.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from regrad_jax.adaptation.inner import document_gradients
from regrad_jax.adaptation.outer import meta_gradient
from regrad_jax.adaptation.rules import InnerProblem
from regrad_jax.adaptation.weights import DOCUMENT_WEIGHTS
from regrad_jax.models.decoder import split
from regrad_jax.models.weights import load_decoder
from tests.tiny_models import (
    DECODER,
    FIRST_LAYER,
    KINDS,
    adapter,
    assert_near,
    double,
    meta_params,
    task_batch,
)

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from regrad_jax.benchmarks import torch_reference  # noqa: E402 it imports torch

pytestmark = pytest.mark.torch


class Float64:
    """PyTorch, whose float32 is float64: transformers' Llama names float32 in its norms and rotations."""

    def __init__(self):
        self.float32 = self.float = torch.float64

    def __getattr__(self, name):
        return getattr(torch, name)


@pytest.fixture(scope="module", autouse=True)
def everything_in_float64():
    from transformers.models.llama import modeling_llama

    with jax.enable_x64(True), pytest.MonkeyPatch.context() as patch:
        patch.setattr(modeling_llama, "torch", Float64())
        patch.setattr(torch.Tensor, "float", torch.Tensor.double)
        yield


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """(our split decoder, transformers' model with `Adapted` projections) of the same weights, in float64."""
    config = transformers.LlamaConfig(
        vocab_size=DECODER.vocab_size,
        hidden_size=DECODER.width,
        intermediate_size=DECODER.mlp_dim,
        num_hidden_layers=DECODER.layers,
        num_attention_heads=DECODER.heads,
        num_key_value_heads=DECODER.kv_heads,
        max_position_embeddings=64,
    )
    model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager").eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.normal_(1.0 if "norm" in name else 0.0, 0.25, generator=generator)
    folder = tmp_path_factory.mktemp("llama")
    model.save_pretrained(folder)
    torch_reference.wrap(model, adapter())
    loaded, params = load_decoder(folder)
    return split(loaded, double(params), FIRST_LAYER, dtype=jnp.float64), model.double()


@pytest.mark.parametrize("kind", KINDS)
def test_document_gradients_equal_autograd(kind, models):
    decoder, model = models
    config, documents = adapter(kind), task_batch().documents
    meta = double(meta_params(config))
    assert all(np.any(leaf) for leaf in jax.tree.leaves(meta.theta))  # not where it starts
    found, losses_N = jax.jit(functools.partial(document_gradients, decoder, InnerProblem(config)))(
        meta, documents
    )
    theirs = torch_reference.document_gradients(model, config, torch_reference.leaves(meta), documents)
    assert len(theirs) == len(losses_N) == 4
    for row, (grads, loss) in enumerate(theirs):
        assert float(losses_N[row]) == pytest.approx(float(loss.detach()), rel=1e-10)
        ours = jax.tree.map(lambda x, row=row: x[row], found)
        assert_near(ours, jax.tree.map(lambda x: x.numpy(), grads), 1e-10)


# Every kind with every alpha mode and every kind of weights at least once.
VARIANTS = [
    *(("core", weighting, "tie") for weighting in DOCUMENT_WEIGHTS),
    *((kind, "sum", "same") for kind in KINDS),
    *((kind, "relevance", "full") for kind in KINDS),
    *((kind, "mean", "tie") for kind in KINDS if kind != "core"),
]


@pytest.mark.parametrize(("kind", "weighting", "alpha_mode"), VARIANTS)
def test_the_meta_gradient_equals_create_graph(kind, weighting, alpha_mode, models):
    decoder, model = models
    config, batch = adapter(kind), double(task_batch())
    meta = double(meta_params(config, alpha_mode=alpha_mode))
    inner = InnerProblem(config, weighting)
    gradient = jax.jit(lambda meta, batch: meta_gradient(meta, decoder, inner, batch))
    (found_loss, _), found = gradient(meta, batch)

    loss, expected = torch_reference.meta_gradient(model, inner, torch_reference.leaves(meta), batch)

    assert float(found_loss) == pytest.approx(float(loss), rel=1e-10)
    for part in ("theta", "bases", "alpha"):
        assert all(np.any(leaf) for leaf in jax.tree.leaves(getattr(found, part)))
    assert_near(found, jax.tree.map(lambda x: jnp.asarray(x.numpy()), expected), 1e-10)
