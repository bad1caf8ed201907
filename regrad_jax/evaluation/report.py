"""Results for people and for programs: a table, results.json, a plot, and one HTML page that holds them."""

import base64
import html
import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from regrad_jax.data.documents import Question
from regrad_jax.evaluation.harness import Result
from regrad_jax.plotting import pyplot

_COLUMNS = ("questions", "method", "exact match", "F1", "found", "ms/question")


def table(results: Sequence[Result]) -> str:
    """Returns results as text in aligned columns; brackets hold 95% intervals."""
    rows = [_COLUMNS, *(_row(result) for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(line.rstrip() for line in lines)


def samples(results: Sequence[Result], questions: Mapping[str, Sequence[Question]], count: int) -> str:
    """Returns a few questions of each set with every method's answer and the documents that it used."""
    lines = []
    for dataset, asked in questions.items():
        of_set = [result for result in results if result.dataset == dataset]
        if not of_set:
            continue
        for number in range(0, len(asked), max(len(asked) // count, 1))[:count]:
            question = asked[number]
            lines.append(f"{question.question}  [{question.spelled(question.answers[0])}]")
            for result in of_set:
                answer = result.answers[number]
                cited = f"  <- {', '.join(c.id for c in answer.documents)}" if answer.documents else ""
                lines.append(f"    {result.setting:<26}{question.spelled(answer.answer)}{cited}")
    return "\n".join(lines)


def write(
    folder: pathlib.Path,
    title: str,
    results: Sequence[Result],
    questions: Mapping[str, Sequence[Question]],
    facts: Mapping[str, Any],
) -> None:
    """Writes results.json, answers.jsonl, results.png and report.html.

    Args:
        folder: made when absent.
        title: heading of the page.
        results: what was measured.
        questions: the question sets by name.
        facts: anything else worth keeping, ready for JSON.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kept = {"results": [result.facts() for result in results], **facts}
    (folder / "results.json").write_text(json.dumps(kept, indent=1) + "\n")
    with open(folder / "answers.jsonl", "w") as file:
        for result in results:
            for question, answer in zip(questions[result.dataset], result.answers, strict=True):
                line = {
                    "dataset": result.dataset,
                    "setting": result.setting,
                    "id": question.id,
                    "question": question.question,
                    "choices": question.choices,
                    "answers": question.answers,
                    "answer": answer.answer,
                    "documents": [cited.id for cited in answer.documents],
                }
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
    plot(folder / "results.png", results)
    (folder / "report.html").write_text(_page(folder, title, results, questions, facts))


def plot(path: pathlib.Path, results: Sequence[Result]) -> None:
    """Draws exact match and F1 of every method, one panel for each question set."""
    plt = pyplot()
    datasets = list(dict.fromkeys(result.dataset for result in results))
    tallest = max(sum(r.dataset == dataset for r in results) for dataset in datasets)
    figure, panels = plt.subplots(
        1, len(datasets), figsize=(5.5 * len(datasets), 0.55 * tallest + 1.6), squeeze=False
    )
    for panel, dataset in zip(panels[0], datasets, strict=True):
        shown = [result for result in results if result.dataset == dataset][::-1]
        for offset, name, colour in ((0.2, "exact match", "#2b6cb0"), (-0.2, "F1", "#a0aec0")):
            values = [r.score.exact_match if name == "exact match" else r.score.f1 for r in shown]
            bounds = [
                r.score.exact_match_interval if name == "exact match" else r.score.f1_interval for r in shown
            ]
            errors = [
                [max(v - low, 0) for v, (low, _) in zip(values, bounds, strict=True)],
                [max(high - v, 0) for v, (_, high) in zip(values, bounds, strict=True)],
            ]
            places = [i + offset for i in range(len(shown))]
            panel.barh(places, values, height=0.38, color=colour, label=name, xerr=errors, capsize=2)
        panel.set_yticks(range(len(shown)), [result.setting for result in shown])
        panel.set_xlim(0, 100)
        panel.set_title(f"{dataset} ({shown[0].score.n} questions)")
        panel.set_xlabel("percent, with 95% intervals")
        panel.spines[["top", "right"]].set_visible(False)
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower right", ncols=2, frameon=False)
    figure.tight_layout()
    figure.savefig(path, dpi=130)
    plt.close(figure)


def _row(result: Result) -> tuple[str, ...]:
    scored = result.score
    percent = lambda value, bounds: f"{value:5.1f} [{bounds[0]:.1f}, {bounds[1]:.1f}]"
    return (
        f"{result.dataset} ({scored.n})",
        result.setting,
        percent(scored.exact_match, scored.exact_match_interval),
        percent(scored.f1, scored.f1_interval),
        "-" if result.recall is None else f"{result.recall:.1%}",
        f"{result.ms_per_question:.0f}",
    )


_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse }
td, th { text-align: left; padding: .2rem .8rem .2rem 0; vertical-align: top }
th { border-bottom: 1px solid #a0aec0 }
pre { background: #f7fafc; padding: 1rem; overflow: auto }
img { max-width: 100% }
"""


def _page(folder, title, results, questions, facts) -> str:
    cells = lambda tag, row: "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row)
    rows = "\n".join(f"<tr>{cells('td', _row(result))}</tr>" for result in results)
    image = base64.b64encode((folder / "results.png").read_bytes()).decode()
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title><style>{_STYLE}</style>
<h1>{html.escape(title)}</h1>
<p>Brackets hold 95% bootstrap intervals over questions. "Found" is the share of questions whose document was
among those retrieved. Times are wall time a question in batches.</p>
<table><tr>{cells("th", _COLUMNS)}</tr>
{rows}</table>
<p><img alt="exact match and F1 by method" src="data:image/png;base64,{image}"></p>
<h2>Some answers</h2>
<pre>{html.escape(samples(results, questions, 4))}</pre>
<h2>Facts</h2>
<pre>{html.escape(json.dumps(facts, indent=1))}</pre>
</html>
"""
