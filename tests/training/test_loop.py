"""Meta-training end to end on a tiny model: what is written, resumed, refused and released."""

import dataclasses
import functools
import json
import os
import pathlib
import pickle
import shutil
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import pytest

from regrad_jax.adaptation.adapter import singular_bases
from regrad_jax.checkpoint import load_checkpoint
from regrad_jax.errors import RunError, UserError
from regrad_jax.models.base import load_base
from regrad_jax.training import export as export_module
from regrad_jax.training import loop, tasks
from regrad_jax.training.export import export
from regrad_jax.training.gradient_map import gradient_map
from regrad_jax.training.loop import train
from tests.tiny_models import assert_near, train_config, write_model

STEPS = 5


class Embedder:
    """Stands in for MiniLM: keys from the counts of letters, of unit length."""

    @classmethod
    def load(cls, folder):
        return cls()

    def embed(self, texts):
        keys = np.array([[text.count(chr(97 + n)) for n in range(26)] for text in texts], np.float32)
        return keys / np.linalg.norm(keys, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("base") / "tiny"
    write_model(folder)
    return folder


@pytest.fixture(scope="module", autouse=True)
def _quick():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "Embedder", Embedder)
        patch.setattr(loop, "load_base", functools.cache(load_base))
        yield


@pytest.fixture(autouse=True)
def _unplotted(request, monkeypatch):
    """A plot is two seconds; the runs that `finished` makes for all tests have theirs."""
    if "finished" not in request.fixturenames:
        monkeypatch.setattr(loop, "plot_run", lambda *_: None)


THETAS = {
    "zero": {},
    "learned": {
        "theta": "learned",
        "weighting": "sum",
        "adapter": {"kind": "lora", "rank": 2, "first_layer": 2},
    },
}


@pytest.fixture(scope="module")
def finished(model, tmp_path_factory):
    """theta -> the folder of an uninterrupted run, made when first asked for."""

    @functools.cache
    def run(theta: str) -> pathlib.Path:
        workdir = tmp_path_factory.mktemp(theta) / "run"
        assert train(train_config(model, **THETAS[theta]), workdir) == workdir / "release"
        return workdir

    return run


def metrics(workdir: pathlib.Path) -> list[dict]:
    """The lines of metrics.jsonl but for what a clock says."""
    lines = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key not in ("time", "speed")} for line in lines]


def release_bytes(workdir: pathlib.Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (workdir / "release").iterdir()}


class Killed(BaseException):
    """Nothing in the program catches it."""


def kill_in_step(step: int, patch: pytest.MonkeyPatch) -> None:
    whole = loop.train_step

    def dying(state, *arguments, **options):
        if int(state.step) == step - 1:
            raise Killed
        return whole(state, *arguments, **options)

    patch.setattr(loop, "train_step", dying)


@pytest.mark.parametrize("theta", THETAS)
def test_a_run_writes_its_folder(theta, finished, model):
    workdir = finished(theta)
    config = train_config(model, **THETAS[theta])
    # The factors' file has no name, and no scratch is left.
    wanted = {"config.json", "metrics.jsonl", "tensorboard", "checkpoints", "curve.png", "release"}
    assert {p.name for p in workdir.iterdir()} == wanted
    assert json.loads((workdir / "config.json").read_text()) == json.loads(
        json.dumps(dataclasses.asdict(config))
    )
    lines = metrics(workdir)
    assert [line["step"] for line in lines if "outer_loss" in line] == [1, 2, 3, 4, 5]
    assert [line["step"] for line in lines if "validation" in line] == [0, 4, 5]
    assert [line["source"] for line in lines if "source" in line][:2] == ["almanac"] * 2
    speeds = [json.loads(line).get("speed") for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    for speed in filter(None, speeds):
        tasks = speed["tasks_per_s"] * speed["seconds"]
        assert tasks == pytest.approx(round(tasks))
        assert theta == "zero" or 0 < speed["share_of_peak"] < 1
    assert len([speed for speed in speeds if speed]) == 5
    for line in lines:
        if "outer_loss" in line:
            assert 0 < line["outer_loss"] < 20 and 0 <= line["token_accuracy"] <= 1
            assert line["gradient_norm"] > 0 and line["temperature"] > 0
        else:
            assert set(line["validation"]) == {"almanac", "more"}
            for found in line["validation"].values():
                # 12 documents in batches of 4, at most one question each
                assert 3 <= found["questions"] <= 12
                assert len({found["gold"], found["other"], found["none"]}) == 3


@pytest.mark.parametrize("theta", THETAS)
def test_a_release_loads_and_says_what_it_is(theta, finished, model):
    config, checkpoint = train_config(model, **THETAS[theta]), load_checkpoint(finished(theta) / "release")
    base = load_base(str(model), 2)
    assert checkpoint.adapter == config.adapter
    assert (checkpoint.base_digest, checkpoint.tokenizer_digest) == (base.digest, base.tokenizer_digest)
    facts = ("prompts", "weighting", "documents_per_question", "base_model")
    assert [getattr(checkpoint, f) for f in facts] == [getattr(config, f) for f in facts]
    assert checkpoint.document_tokens == 128
    # JSON has a word for infinity and no number.
    assert checkpoint.training == json.loads(json.dumps(dataclasses.asdict(config))) | {"damping": "inf"}
    validations = [line for line in metrics(finished(theta)) if "validation" in line and line["step"]]
    best = min(validations, key=lambda line: np.mean([v["gold"] for v in line["validation"].values()]))
    assert checkpoint.metrics == {"steps": best["step"], "validation": best["validation"]}
    # What is to be learned has moved, and theta only where it is learned.
    start = loop._start(config, base)
    moved = jax.tree.map(lambda x, y: bool(np.any(np.asarray(x) != y)), checkpoint.meta, start)
    assert all(jax.tree.leaves((moved.bases, moved.alpha)))
    assert moved.log_temperature == (config.weighting == "relevance")
    assert all(jax.tree.leaves(moved.theta)) == (theta == "learned")
    if theta == "zero":
        assert not any(np.any(leaf) for leaf in jax.tree.leaves(checkpoint.meta.theta))


@pytest.mark.parametrize("theta", THETAS)
def test_an_interrupted_run_ends_bit_for_bit_like_an_uninterrupted_one(
    theta, finished, model, tmp_path, capsys
):
    config, workdir = train_config(model, **THETAS[theta]), tmp_path / "run"
    # Dies before the first checkpoint; then one step behind the checkpoint of step 2, a line of
    # metrics ahead of it; then between the steps.
    for step in (2, 4):
        with pytest.MonkeyPatch.context() as patch:
            kill_in_step(step, patch)
            with pytest.raises(Killed):
                train(config, workdir)
        assert metrics(workdir)[-1]["step"] == step - 1 and not (workdir / "release").exists()
    capsys.readouterr()
    train(config, workdir)
    assert "resuming from step 2\n" in capsys.readouterr().err
    expected = finished(theta)
    assert metrics(workdir) == metrics(expected)
    assert release_bytes(workdir) == release_bytes(expected)


def test_a_run_that_is_killed_while_it_saves_ends_bit_for_bit_the_same(finished, model, tmp_path):
    """In a process of its own, in which no file is closed and no save is waited for."""
    config, workdir = train_config(model), tmp_path / "run"
    program = tmp_path / "program.py"
    program.write_text(
        "import functools, pathlib, pickle, sys\n"
        "from regrad_jax.training import loop\n"
        "from tests.training import test_loop\n"
        "loop.Embedder, loop.plot_run = test_loop.Embedder, lambda *_: None\n"
        "loop.train(pickle.loads(pathlib.Path(sys.argv[1]).read_bytes()), pathlib.Path(sys.argv[2]))\n"
    )
    (tmp_path / "config").write_bytes(pickle.dumps(config))
    victim = subprocess.Popen([sys.executable, program, tmp_path / "config", workdir])
    while victim.poll() is None and not _has_begun_to_save(workdir, step=2):
        time.sleep(0.001)
    victim.kill()
    assert victim.wait() == -signal.SIGKILL
    train(config, workdir)
    assert metrics(workdir) == metrics(finished("zero"))
    assert release_bytes(workdir) == release_bytes(finished("zero"))


def _has_begun_to_save(workdir: pathlib.Path, step: int) -> bool:
    """Orbax writes under a name that begins with the step's, and renames it when it is whole."""
    return any(path.name.split(".")[0] == str(step) for path in workdir.glob("checkpoints/*"))


def test_a_folder_without_permission_or_room_is_refused_before_any_work(model, tmp_path, monkeypatch):
    config, file = train_config(model), tmp_path / "file"
    file.write_text("")
    with pytest.raises(UserError, match="cannot be made, since .*file is a file"):
        train(config, file / "run")
    with monkeypatch.context() as patch:
        patch.setattr(os, "access", lambda *_: False)  # root may write everywhere
        with pytest.raises(UserError, match="cannot be written .no permission in"):
            train(config, tmp_path / "run")
    with monkeypatch.context() as patch:
        patch.setattr(loop, "_validation_batches", lambda *_: pytest.fail("work has begun"))
        usage = shutil.disk_usage(tmp_path)
        patch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
        with pytest.raises(UserError, match=r"has 0\.0 GB left on its disk, and the run would write about"):
            train(config, tmp_path / "run")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_run_that_died_while_it_wrote_its_config_begins_anew(finished, model, tmp_path):
    workdir = tmp_path / "run"
    workdir.mkdir()
    (workdir / "config.json.draft").write_text('{"base_')
    train(train_config(model), workdir)
    assert metrics(workdir) == metrics(finished("zero"))
    before = (workdir / "config.json").stat().st_mtime_ns
    train(train_config(model), workdir)
    assert (workdir / "config.json").stat().st_mtime_ns == before


def test_sigterm_ends_a_run_behind_a_saved_step(finished, model, tmp_path, monkeypatch, capsys):
    config, workdir = train_config(model), tmp_path / "run"
    whole = loop.train_step

    def preempted(state, *arguments, **options):
        if int(state.step) == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return whole(state, *arguments, **options)

    handler = signal.getsignal(signal.SIGTERM)
    with monkeypatch.context() as patch:
        patch.setattr(loop, "train_step", preempted)
        with pytest.raises(SystemExit) as exit:
            train(config, workdir)
    assert exit.value.code == 143
    assert signal.getsignal(signal.SIGTERM) == handler
    assert "step 3 is saved" in capsys.readouterr().err  # saved although save_every is 2
    train(config, workdir)
    assert "resuming from step 3\n" in capsys.readouterr().err
    assert metrics(workdir) == metrics(finished("zero"))
    assert release_bytes(workdir) == release_bytes(finished("zero"))


def test_a_run_that_died_before_its_release_only_releases(finished, model, tmp_path, monkeypatch):
    config, workdir = train_config(model), tmp_path / "run"
    whole = loop.save_checkpoint
    monkeypatch.setattr(loop, "save_checkpoint", lambda *_: (_ for _ in ()).throw(Killed()))
    with pytest.raises(Killed):
        train(config, workdir)
    monkeypatch.setattr(loop, "save_checkpoint", whole)
    kill_in_step(STEPS + 1, monkeypatch)  # no further step
    train(config, workdir)
    assert release_bytes(workdir) == release_bytes(finished("zero"))
    assert metrics(workdir) == metrics(finished("zero"))


def test_the_checkpoint_that_validated_best_is_kept_and_released(model, tmp_path, monkeypatch):
    scores = iter([1.0, 2.0, 3.0])
    monkeypatch.setattr(loop, "_score", lambda validation: next(scores))
    workdir = tmp_path / "run"
    train(train_config(model, eval_every=2, save_every=1), workdir)
    assert load_checkpoint(workdir / "release").metrics["steps"] == 2
    kept = {int(path.name) for path in (workdir / "checkpoints").iterdir() if path.name.isdigit()}
    assert kept == {2, 4, 5}
    for best, steps in ((True, 2), (False, 5)):
        exported = export(workdir, tmp_path / f"best {best}", best)
        assert load_checkpoint(exported).metrics["steps"] == steps


def test_a_checkpoint_can_be_released_for_more_inner_steps_than_it_was_trained_with(finished, tmp_path):
    plain = load_checkpoint(finished("zero") / "release")
    exported = load_checkpoint(export(finished("zero"), tmp_path / "release", best=True, inner_steps=4))
    assert (plain.inner_steps, exported.inner_steps) == (1, 4)
    assert exported.training == plain.training and exported.metrics == plain.metrics
    jax.tree.map(np.testing.assert_array_equal, exported.meta, plain.meta)
    assert exported.fingerprint() != plain.fingerprint()  # no bank mixes their gradients


def test_a_checkpoint_can_be_released_with_another_temperature(finished, tmp_path):
    plain = load_checkpoint(finished("zero") / "release")
    exported = load_checkpoint(export(finished("zero"), tmp_path / "release", best=True, temperature=0.25))
    assert np.exp(exported.meta.log_temperature) == pytest.approx(0.25)
    kept = exported.meta._replace(log_temperature=plain.meta.log_temperature)
    jax.tree.map(np.testing.assert_array_equal, kept, plain.meta)
    assert exported.fingerprint() == plain.fingerprint()  # rows are stored unscaled: banks stay good


def test_a_checkpoint_can_be_released_with_bases_of_half_the_bytes(finished, tmp_path):
    whole, folder = finished("zero") / "release", tmp_path / "release"
    plain, exported = (
        load_checkpoint(whole),
        load_checkpoint(export(finished("zero"), folder, best=True, half=True)),
    )
    before, after = (jax.tree.leaves(one.meta.bases) for one in (plain, exported))
    for x, y in zip(before, after, strict=True):
        assert y.dtype == np.float32 and not np.array_equal(x, y)
        np.testing.assert_allclose(y, x, rtol=2**-11, atol=2**-25)
    kept = exported.meta._replace(bases=plain.meta.bases)
    jax.tree.map(np.testing.assert_array_equal, kept, plain.meta)
    assert exported.fingerprint() != plain.fingerprint()  # gradients differ a little
    size = lambda release: (release / "adapter.safetensors").stat().st_size
    assert size(whole) - size(folder) == pytest.approx(2 * sum(x.size for x in before), abs=200)  # header


def test_bases_that_float16_cannot_hold_are_not_released_in_it(finished, tmp_path, monkeypatch):
    released = export_module.released

    def huge(*run):
        made = released(*run)
        return dataclasses.replace(
            made, meta=made.meta._replace(bases=jax.tree.map(lambda x: 1e6 * x, made.meta.bases))
        )

    with pytest.raises(UserError, match="--half: an adapter of kind 'lora' has no bases"):
        export(finished("learned"), tmp_path / "release", half=True)
    monkeypatch.setattr(export_module, "released", huge)
    with pytest.raises(UserError, match="too large for float16; export without --half"):
        export(finished("zero"), tmp_path / "release", half=True)
    assert list(tmp_path.iterdir()) == []


def test_tensorboard_gets_what_metrics_get(finished):
    (events,) = (finished("zero") / "tensorboard").iterdir()
    content = events.read_bytes()
    for tag in ("train/almanac/outer_loss", "validation/more/gold", "alpha/gate/R", "speed/tasks_per_s"):
        assert tag.encode() in content


def test_a_finished_run_is_left_alone(finished, model, capsys):
    workdir = finished("zero")
    before = release_bytes(workdir), (workdir / "metrics.jsonl").read_bytes()
    assert train(train_config(model), workdir) == workdir / "release"
    assert "is finished; nothing to do" in capsys.readouterr().err
    assert before == (release_bytes(workdir), (workdir / "metrics.jsonl").read_bytes())


@pytest.mark.parametrize(
    "change", [{"seed": 1}, {"adapter": {"kind": "core", "rank": 4, "first_layer": 2}}, {"save_every": 3}]
)
def test_a_folder_of_another_config_is_refused(change, finished, model):
    workdir = finished("zero")
    with pytest.raises(UserError, match=r"config.json is of a run with another config; choose another"):
        train(train_config(model, **change), workdir)


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_run_whose_config_is_damaged_is_refused(text, model, tmp_path):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(UserError, match=r"config.json is damaged \(.*\); restore it"):
        train(train_config(model), tmp_path)
    with pytest.raises(UserError, match=r"config.json is damaged"):
        export(tmp_path, tmp_path / "release")


def test_a_foreign_folder_is_refused_and_left_alone(model, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(UserError, match="is not empty and not a run folder; choose another --workdir"):
        train(train_config(model), tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_run_goes_on_from_a_release(finished, model, tmp_path):
    release = str(finished("zero") / "release")
    config, base = train_config(model, initial=release), load_base(str(model), 2)
    jax.tree.map(np.testing.assert_array_equal, loop._start(config, base), load_checkpoint(release).meta)
    shorter = loop._start(train_config(model, initial=release, initial_alpha_scale=0.5), base)
    whole = loop._start(config, base).alpha
    jax.tree.map(lambda x, y: np.testing.assert_array_equal(x, y / 2), shorter.alpha, whole)
    for change in ({"adapter": {"kind": "core", "rank": 4, "first_layer": 1}}, THETAS["learned"]):
        with pytest.raises(UserError, match="config.initial: .*another adapter or base model"):
            loop._start(train_config(model, **({"initial": release} | change)), base)
    with pytest.raises(UserError, match="config.initial: .*not the step sizes of alpha_mode same"):
        loop._start(train_config(model, initial=release, alpha_mode="same"), base)
    with pytest.raises(UserError, match="config.initial: .*another adapter or base model"):
        loop._start(config, base._replace(digest="0" * 64))


def test_a_run_goes_on_at_a_higher_rank(finished, model):
    release = str(finished("zero") / "release")
    adapter = dataclasses.asdict(load_checkpoint(release).adapter)
    rank = adapter["rank"]
    ranked = lambda rank: train_config(model, initial=release, adapter=adapter | {"rank": rank})
    base = load_base(str(model), 2)
    trained, wide = load_checkpoint(release).meta, loop._start(ranked(rank + 3), base)
    for target, bases in wide.bases.items():
        assert wide.theta[target]["R"].shape[1:] == (rank + 3, rank + 3)
        np.testing.assert_array_equal(bases["A"][:, :rank], trained.bases[target]["A"])
        np.testing.assert_array_equal(bases["B"][:, :, :rank], trained.bases[target]["B"])
        assert np.all(np.std(bases["A"][:, rank:], axis=2)) and np.all(np.std(bases["B"][..., rank:], axis=1))
    jax.tree.map(np.testing.assert_array_equal, wide.alpha, trained.alpha)
    with pytest.raises(UserError, match=f"adapter.rank: {rank - 1} is below the {rank} of config.initial"):
        loop._start(ranked(rank - 1), base)


@pytest.mark.parametrize("what", ["loss", "norm"])
def test_what_is_not_finite_stops_the_run_before_it_is_saved(what, model, tmp_path, monkeypatch):
    whole = loop.train_step

    def overflowing(*arguments, **options):
        state, metrics, norm = whole(*arguments, **options)
        if int(state.step) < 2:
            return state, metrics, norm
        if what == "loss":
            return state, metrics._replace(outer_loss=metrics.outer_loss * np.nan), norm
        return state, metrics, norm * np.inf

    monkeypatch.setattr(loop, "train_step", overflowing)
    config = train_config(model, save_every=1)
    with pytest.raises(RunError, match="step 2 of .* nothing of this step is saved") as told:
        train(config, tmp_path / "run")
    assert {"loss": "the outer loss is nan", "norm": "norm inf,"}[what] in str(told.value)
    documents, _ = tasks.read_source(config.sources["almanac"], "train", 24, 0)
    named = str(told.value).split(" on documents ")[1].split(" of source")[0].split(", ")
    assert 2 <= len(named) <= 4 and set(named) <= {document.id for document in documents}
    assert [path.name for path in (tmp_path / "run" / "checkpoints").glob("[0-9]*")] == ["1"]
    assert not (tmp_path / "run" / "release").exists()
    # The same command goes on behind what is saved.
    monkeypatch.undo()
    monkeypatch.setattr(loop, "Embedder", Embedder)
    train(config, tmp_path / "run")
    assert load_checkpoint(tmp_path / "run" / "release").metrics["steps"] in (4, 5)


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


def test_a_run_trains_with_context_and_absent_gold(model, tmp_path, monkeypatch):
    stages = ((3, {"almanac": 1.0}),)
    config = train_config(model, sources={"almanac": SHOWN}, stages=stages, eval_every=3)
    whole, seen = loop.train_step, []

    def watching(state, decoder, batches, **options):
        seen.append(jax.tree.map(lambda leaf: np.asarray(leaf)[0, 0], batches))  # of one device in one turn
        return whole(state, decoder, batches, **options)

    monkeypatch.setattr(loop, "train_step", watching)
    train(config, tmp_path / "run")
    assert load_checkpoint(tmp_path / "run" / "release").metrics["steps"] == 3
    tokenizer = load_base(str(model), 2).tokenizer
    for batch in seen:
        questions = batch.questions
        real_Q = questions.answer_lengths_Q > 0
        rows = zip(questions.tokens_QxT, questions.prompt_lengths_Q, strict=True)
        prompts = [tokenizer.decode(tokens[:length]) for tokens, length in rows]
        count = int(real_Q.sum())
        assert abs(sum("Passage: " in prompt for prompt in prompts) - count / 2) < 1
        assert abs(int((batch.retrieved_QxN[real_Q].sum(axis=1) == 1).sum()) - count / 4) < 1
        shown = [prompt.count("Passage: ") for prompt in prompts if "Passage: " in prompt]
        assert set(shown) <= {1, 2}


def test_validation_is_blind_and_has_every_gold_whatever_the_shares(model):
    config, base = train_config(model, sources={"almanac": SHOWN}, stages=ONE), load_base(str(model), 2)
    plain = dataclasses.replace(config.sources["almanac"], context=0.0, gold_absent=0.0)
    blind = dataclasses.replace(config, sources={"almanac": plain})
    found, expected = (loop._validation_batches(c, base, Embedder()) for c in (config, blind))
    jax.tree.map(np.testing.assert_array_equal, found, expected)
    for batch in found["almanac"]:
        assert set(batch.retrieved_QxN[batch.questions.answer_lengths_Q > 0].sum(axis=1)) == {2}


def test_a_source_that_is_never_asked_blind_is_validated_only_where_there_is_no_other(model):
    shown, base = SHOWN | {"context": 1.0}, load_base(str(model), 2)

    def validated(**sources):
        config = train_config(model, sources=sources, stages=((2, dict.fromkeys(sources, 1.0)),))
        return set(loop._validation_batches(config, base, Embedder()))

    assert validated(almanac=SHOWN, shown=shown) == {"almanac"}
    assert validated(almanac=shown) == {"almanac"}


def test_validation_has_other_documents_even_where_training_takes_one_group(model):
    sources = {"almanac": SHOWN | {"anchors": 1}}
    found = loop._validation_batches(
        train_config(model, sources=sources, stages=ONE), load_base(str(model), 2), Embedder()
    )
    for batch in found["almanac"]:
        other_QxN = np.roll(batch.retrieved_QxN, batch.retrieved_QxN.shape[1] // 2, axis=1)
        assert batch.retrieved_QxN.any() and not (batch.retrieved_QxN & other_QxN).any()


def test_a_run_from_before_the_shares_goes_on(finished, model, tmp_path):
    workdir = tmp_path / "run"
    shutil.copytree(finished("zero"), workdir)
    config = json.loads((workdir / "config.json").read_text())
    for source in config["sources"].values():
        assert source.pop("context") == source.pop("gold_absent") == 0
    (workdir / "config.json").write_text(json.dumps(config))
    assert train(train_config(model), workdir) == workdir / "release"
    missing = dataclasses.replace(train_config(model).sources["more"], gold_absent=0.5)
    other = dataclasses.replace(train_config(model), sources=train_config(model).sources | {"more": missing})
    with pytest.raises(UserError, match="is of a run with another config"):
        train(other, workdir)


def test_the_variants_of_a_config_reach_the_release(model, tmp_path, monkeypatch):
    changes = {
        "theta": "learned",
        "inner_steps": 2,
        "codec": "int4",
        "bases": "singular",
        "learning_rate": 1e-9,
    }
    config = train_config(model, stages=((1, {"almanac": 1.0}),), eval_every=1, **changes)
    mapped = []
    monkeypatch.setattr(
        loop, "gradient_map", lambda config: mapped.append(config.codec) or gradient_map(config)
    )
    train(config, tmp_path / "run")
    assert set(mapped) == {"int4"} and len(mapped) > 2  # of the step, and of every source's validation
    release = load_checkpoint(tmp_path / "run" / "release")
    assert release.inner_steps == release.fingerprint()["inner_steps"] == 2
    layers = load_base(str(model), 2).decoder.head_params["layers"]
    assert_near(release.meta.bases, singular_bases(config.adapter, layers), 1e-4)  # a step moves by 1e-9
