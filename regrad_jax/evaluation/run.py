"""An evaluation from its plans to its report."""

import pathlib
from collections.abc import Mapping

from regrad_jax.api import ReGrad
from regrad_jax.data.documents import Question
from regrad_jax.evaluation import report
from regrad_jax.evaluation.harness import Result, evaluate
from regrad_jax.evaluation.knowledge import KnowledgeGap, knowledge_gap
from regrad_jax.evaluation.plans import Plan
from regrad_jax.evaluation.question_sets import Testbed, read_parts, refuse_seen
from regrad_jax.library.banks import BuildOptions, trained_codec
from regrad_jax.methods.base import Setup
from regrad_jax.progress import Progress
from regrad_jax.training.sources import nested_source


def run_evaluation(
    plans: Mapping[str, Plan], checkpoint: str | None, workdir: pathlib.Path, progress: Progress
) -> str:
    """Measures what is planned and writes WORKDIR/report.

    The banks stay in WORKDIR/banks, so that an interrupted evaluation goes on with the gradients that it has.

    Args:
        plans: by the name of their bank.
        checkpoint: folder of the checkpoint; None takes the one that ships.
        workdir: made when absent, after all data has been read.
        progress: takes a line of text now and then.

    Returns:
        The results as text.

    Raises:
        UserError: data cannot be read, the checkpoint may have seen it in training, or a bank that is there
            was made otherwise.
    """
    testbeds = {name: read_parts(plan.parts) for name, plan in plans.items()}
    regrad = ReGrad.load(checkpoint)
    sources = regrad.checkpoint.training.get("sources", {}).values()
    trained = [nested_source(source)["dataset"] for source in sources]
    for plan in plans.values():
        refuse_seen(plan.parts, trained)
    results: list[Result] = []
    questions: dict[str, list[Question]] = {}
    gaps: dict[str, KnowledgeGap] = {}
    codecs: dict[str, str] = {}
    for name, plan in plans.items():
        testbed = _relabelled(testbeds[name], name, questions)
        folder, build = workdir / "banks" / name, BuildOptions(plan.codec or trained_codec(regrad.runtime))
        regrad.build(testbed.documents, folder, build, progress)  # a bank that does not fit is told first
        setup = Setup(regrad.runtime, folder=folder, build=build, progress=progress)
        results += evaluate(setup, testbed.documents, testbed.question_sets, plan.settings)
        bank = regrad.open(folder)
        codecs[name] = bank.manifest.codec
        for label, question_set in testbed.question_sets.items():
            questions[label] = list(question_set.questions)
            if gap := knowledge_gap(regrad.runtime, bank, questions[label]):
                gaps[label] = gap
    facts = {
        "answer_token_loss": {label: gap._asdict() for label, gap in gaps.items()},
        "codecs": codecs,
        "checkpoint": dict(regrad.checkpoint.metrics),
    }
    report.write(workdir / "report", "ReGrad evaluation", results, questions, facts)
    return "\n".join([report.table(results), *(_told(label, gap) for label, gap in gaps.items())])


def _relabelled(testbed: Testbed, name: str, taken: Mapping[str, object]) -> Testbed:
    """Returns the question sets under labels that no other bank's have."""
    label = lambda label: f"{name}: {label}" if label in taken else label
    return testbed._replace(question_sets={label(k): v for k, v in testbed.question_sets.items()})


def _told(label: str, gap: KnowledgeGap) -> str:
    mean, low, high = gap.gap
    return (
        f"{label}: answer token loss {gap.gold:.3f} with the right gradient, {gap.other:.3f} with another, "
        f"{gap.none:.3f} with none; gap {mean:.3f} [{low:.3f}, {high:.3f}] nats"
    )
