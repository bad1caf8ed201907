"""Meta-training end to end on a tiny model: what is written, resumed, refused and released."""

import dataclasses
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
from regrad_jax.data.almanac.library import digest
from regrad_jax.errors import RunError, UserError
from regrad_jax.models.base import load_base
from regrad_jax.training import loop, prepare, tasks
from regrad_jax.training.export import export
from regrad_jax.training.gradient_map import gradient_map
from regrad_jax.training.loop import train
from regrad_jax.training.prepare import initial_meta
from tests.tiny_models import assert_near, train_config
from tests.training.tiny_runs import SHOWN, THETAS, metrics, release_bytes

pytestmark = pytest.mark.usefixtures("quick")
STEPS = 5


@pytest.fixture(autouse=True)
def _unplotted(request, monkeypatch):
    """A plot takes two seconds; the runs of `finished` have one."""
    if "finished" not in request.fixturenames:
        monkeypatch.setattr(loop, "plot_run", lambda *_: None)


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
    wanted = "config.json data_digests.json metrics.jsonl tensorboard checkpoints curve.png release".split()
    assert sorted(p.name for p in workdir.iterdir()) == sorted(wanted)
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
    assert checkpoint.inner == config.inner
    assert checkpoint.data_digests == {"almanac": digest()}
    assert (checkpoint.base_digest, checkpoint.tokenizer_digest) == (base.digest, base.tokenizer_digest)
    facts = ("prompts", "documents_per_question", "base_model", "encoder", "codec")
    assert [getattr(checkpoint, f) for f in facts] == [getattr(config, f) for f in facts]
    assert checkpoint.document_tokens == 128
    training = json.loads(json.dumps(dataclasses.asdict(config)))
    training["inner"]["damping"] = "inf"  # JSON has no number for infinity
    assert checkpoint.training == training
    validations = [line for line in metrics(finished(theta)) if "validation" in line and line["step"]]
    best = min(validations, key=lambda line: np.mean([v["gold"] for v in line["validation"].values()]))
    assert checkpoint.metrics == {"steps": best["step"], "validation": best["validation"]}
    # What is to be learned has moved, and theta only where it is learned.
    start = initial_meta(config, base)
    moved = jax.tree.map(lambda x, y: bool(np.any(np.asarray(x) != y)), checkpoint.meta, start)
    assert all(jax.tree.leaves((moved.bases, moved.alpha)))
    assert moved.log_temperature == (config.inner.weighting == "relevance")
    assert all(jax.tree.leaves(moved.theta)) == (theta == "learned")
    if theta == "zero":
        assert not any(np.any(leaf) for leaf in jax.tree.leaves(checkpoint.meta.theta))


@pytest.mark.parametrize("theta", THETAS)
def test_an_interrupted_run_ends_bit_for_bit_like_an_uninterrupted_one(
    theta, finished, model, tmp_path, capsys
):
    config, workdir = train_config(model, **THETAS[theta]), tmp_path / "run"
    # The run dies before the first checkpoint; then one step after the checkpoint of step 2, a line of
    # metrics ahead of it.
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
        "from regrad_jax.training import loop, prepare\n"
        "from tests.training.tiny_runs import Embedder\n"
        "prepare.Embedder, loop.plot_run = Embedder, lambda *_: None\n"
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
        patch.setattr(prepare, "validation_batches", lambda *_: pytest.fail("work has begun"))
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


def test_sigterm_ends_a_run_after_a_saved_step(finished, model, tmp_path, monkeypatch, capsys):
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
    monkeypatch.setattr(loop, "score", lambda validation: next(scores))
    workdir = tmp_path / "run"
    train(train_config(model, eval_every=2, save_every=1), workdir)
    assert load_checkpoint(workdir / "release").metrics["steps"] == 2
    kept = {int(path.name) for path in (workdir / "checkpoints").iterdir() if path.name.isdigit()}
    assert kept == {2, 4, 5}
    for best, steps in ((True, 2), (False, 5)):
        exported = export(workdir, tmp_path / f"best {best}", best)
        assert load_checkpoint(exported).metrics["steps"] == steps


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
    "change",
    [
        {"seed": 1},
        {"inner": {"adapter": {"kind": "core", "rank": 4, "first_layer": 2}}},
        {"inner": {"rule": "damped", "damping": 0.5}},
        {"save_every": 3},
    ],
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
    with pytest.raises(UserError, match="is not empty and not a run folder; choose another `workdir`"):
        train(train_config(model), tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


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
    with pytest.raises(RunError, match="step 2 of .* nothing of this step is saved") as error:
        train(config, tmp_path / "run")
    assert {"loss": "the outer loss is nan", "norm": "norm inf,"}[what] in str(error.value)
    documents, _ = tasks.read_source(config.sources["almanac"], "train", 24, 0)
    named = str(error.value).split(" on documents ")[1].split(" of source")[0].split(", ")
    assert 2 <= len(named) <= 4 and set(named) <= {document.id for document in documents}
    assert [path.name for path in (tmp_path / "run" / "checkpoints").glob("[0-9]*")] == ["1"]
    assert not (tmp_path / "run" / "release").exists()
    # The same command goes on after the saved step.
    monkeypatch.undo()
    train(config, tmp_path / "run")
    assert load_checkpoint(tmp_path / "run" / "release").metrics["steps"] in (4, 5)


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
        "inner": {"steps": 2},
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
    assert release.inner.steps == release.fingerprint()["inner_steps"] == 2
    layers = load_base(str(model), 2).decoder.head_params["layers"]
    assert_near(
        release.meta.bases, singular_bases(config.inner.adapter, layers), 1e-4
    )  # a step moves by 1e-9
