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

from regrad_jax.adaptation.inner import DOCUMENT_WEIGHTS, Method, document_gradients
from regrad_jax.adaptation.outer import meta_gradient
from regrad_jax.models.decoder import split
from regrad_jax.models.weights import load_decoder
from tiny_models import (
    DECODER,
    FIRST_LAYER,
    KINDS,
    Float64,
    adapter,
    assert_near,
    double,
    float64,
    meta_params,
    task_batch,
)

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytestmark = pytest.mark.torch


@pytest.fixture(scope="module", autouse=True)
def everything_in_float64():
    from transformers.models.llama import modeling_llama

    with float64(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(modeling_llama, "torch", Float64(torch))
        patch.setattr(torch.Tensor, "float", torch.Tensor.double)
        yield


class Adapted(torch.nn.Module):
    """A linear projection with factors beside it: W x + F_n ... F_1 x."""

    def __init__(self, linear):
        super().__init__()
        self.linear = linear
        self.factors = ()

    def forward(self, x):
        added = x
        for factor in self.factors:
            added = added @ factor.T
        return self.linear(x) + added if self.factors else self.linear(x)


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
    model.requires_grad_(False)
    folder = tmp_path_factory.mktemp("llama")
    model.save_pretrained(folder)
    for layer in model.model.layers[FIRST_LAYER:]:
        for target in ("gate", "up", "down"):
            setattr(layer.mlp, f"{target}_proj", Adapted(getattr(layer.mlp, f"{target}_proj")))
    loaded, params = load_decoder(folder)
    return split(loaded, double(params), FIRST_LAYER, dtype=jnp.float64), model.double()


def leaves(tree):
    """The same tree of torch leaves that can be differentiated in."""
    return jax.tree.map(lambda x: torch.tensor(np.asarray(x), requires_grad=True), tree)


def token_losses(model, config, theta, bases, tokens):
    """The next-token losses of one sequence of true length under an adapter."""
    for index, layer in enumerate(model.model.layers[FIRST_LAYER:]):
        for target in config.targets:
            moving = {name: x[index] for name, x in theta[target].items()}
            still = {name: x[index] for name, x in bases[target].items()}
            if config.kind == "core":
                factors = (still["A"], moving["R"], config.scale * still["B"])
            else:
                factors = ((moving | still)["A"], config.scale * moving["B"])
            getattr(layer.mlp, f"{target}_proj").factors = factors
    tokens = torch.tensor(np.asarray(tokens), dtype=torch.long)
    logits = model(tokens[None], use_cache=False).logits[0, :-1]
    return torch.nn.functional.cross_entropy(logits, tokens[1:], reduction="none")


def gradient_of(loss, tree, **options):
    flat, structure = jax.tree.flatten(tree)
    return structure.unflatten(torch.autograd.grad(loss, flat, **options))


def torch_document_gradients(model, config, theta, bases, documents, **options):
    grads = []
    for tokens, length in zip(*map(np.asarray, documents), strict=True):
        loss = token_losses(model, config, theta, bases, tokens[:length]).mean()
        grads.append((gradient_of(loss, theta, **options), loss))
    return grads


@pytest.mark.parametrize("kind", KINDS)
def test_document_gradients_equal_autograd(kind, models):
    decoder, model = models
    config, documents = adapter(kind), task_batch().documents
    meta = double(meta_params(config))
    assert all(np.any(leaf) for leaf in jax.tree.leaves(meta.theta))  # not where it starts
    found, losses_N = jax.jit(functools.partial(document_gradients, decoder, config))(meta, documents)
    theirs = torch_document_gradients(model, config, leaves(meta.theta), leaves(meta.bases), documents)
    assert len(theirs) == len(losses_N) == 4
    for row, (grads, loss) in enumerate(theirs):
        assert float(losses_N[row]) == pytest.approx(float(loss), rel=1e-5)
        ours = jax.tree.map(lambda x, row=row: x[row], found)
        assert_near(ours, jax.tree.map(lambda x: x.numpy(), grads), 1e-5)


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
    method = Method(config, weighting)
    gradient = jax.jit(lambda meta, batch: meta_gradient(meta, decoder, method, batch))
    (found_loss, _), found = gradient(meta, batch)

    theirs = leaves(meta)
    grads = torch_document_gradients(
        model, config, theirs.theta, theirs.bases, batch.documents, create_graph=True
    )
    questions, losses = batch.questions, []
    for q, answer in enumerate(np.asarray(questions.answer_lengths_Q)):
        if not answer:
            continue
        used = np.flatnonzero(batch.retrieved_QxN[q])
        weights = torch.ones(len(used))
        if weighting == "mean":
            weights = weights / max(len(used), 1)
        if weighting == "relevance":
            scores = torch.tensor(np.asarray(batch.scores_QxN[q])[used])
            weights = torch.softmax(scores / torch.exp(theirs.log_temperature), dim=0)
        theta = theirs.theta
        one = alpha_mode == "same"
        alphas = jax.tree.map(lambda _: theirs.alpha, theta) if one else theirs.alpha
        for weight, n in zip(weights, used, strict=True):
            theta = jax.tree.map(
                lambda x, alpha, g, w=weight: (
                    x - (alpha[:, None, None] if alpha.ndim == 1 else alpha) * w * g
                ),
                theta,
                alphas,
                grads[n][0],
            )
        start = int(questions.prompt_lengths_Q[q])
        tokens = questions.tokens_QxT[q, : start + int(answer)]
        losses.append(token_losses(model, config, theta, theirs.bases, tokens)[start - 1 :].mean())
    loss = torch.stack(losses).mean()
    expected = gradient_of(loss, theirs, materialize_grads=True)

    assert float(found_loss) == pytest.approx(float(loss.detach()), rel=1e-5)
    for part in ("theta", "bases", "alpha"):
        assert all(np.any(leaf) for leaf in jax.tree.leaves(getattr(found, part)))
    assert_near(found, jax.tree.map(lambda x: jnp.asarray(x.numpy()), expected), 1e-4)
