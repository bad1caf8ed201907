r"""Trains the runs of a sweep one after the other and compares their validation.

    .venv/bin/python launch/sweep.py experiments/sweeps/core_adapter.py \
        --workdir runs/core_adapter [-- FLAG ...]

A sweep is a Python file with two names. CONFIG is the path of a training config. get_sweep() returns {run:
{setting: value}}. Flags after -- go to every run.

The same command completes a sweep: it skips runs that are finished and continues one that was interrupted. A
run that fails does not stop the others. After each run, table.md, sweep.json and sweep.png in the workdir
show all runs that are finished. The exit status is 0 when all runs are finished, and 1 otherwise.
"""

import argparse
import json
import pathlib
import runpy
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from regrad_jax.checkpoint import load_checkpoint
from regrad_jax.plotting import pyplot

_MARKERS = "os^vD"  # ten colours each


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("sweep", type=pathlib.Path, help="the sweep's file")
    parser.add_argument("--workdir", type=pathlib.Path, required=True, help="gets a folder for each run")
    given = [*sys.argv[1:], "--"]
    end = given.index("--")
    arguments, flags = parser.parse_args(given[:end]), given[end + 1 : -1]
    try:
        sweep = runpy.run_path(str(arguments.sweep))
        config, runs = sweep["CONFIG"], sweep["get_sweep"]()
    except Exception as error:  # a sweep is a program, so anything may go wrong in it
        why = f"{type(error).__name__}: {error}"
        parser.error(f"{arguments.sweep} is not a sweep ({why}); it needs CONFIG and get_sweep()")
    failed, rows = [], []
    for number, (name, settings) in enumerate(runs.items(), 1):
        print(f"== {number}/{len(runs)} {name}", file=sys.stderr, flush=True)
        command = [sys.executable, "-m", "regrad_jax.cli", "train", f"--config={config}"]
        command += [f"--workdir={arguments.workdir / name}", *_flags(settings), *flags]
        # stdout is for the table; a run says on stderr what it does.
        if subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode:
            failed.append(name)
            continue
        rows.append(_measured(name, arguments.workdir / name))
        (arguments.workdir / "sweep.json").write_text(json.dumps(rows, indent=1) + "\n")
        (arguments.workdir / "table.md").write_text(_table(rows))
        _plot(rows, arguments.workdir / "sweep.png")
    print(_table(rows) if rows else "", end="")
    if failed:
        print(f"failed: {', '.join(failed)}; mend them and run the same command again", file=sys.stderr)
    return int(bool(failed))


def _flags(settings: Mapping[str, object]) -> list[str]:
    return [f"--config.{name}={value}" for name, value in settings.items()]


def _measured(name: str, workdir: pathlib.Path) -> dict[str, Any]:
    checkpoint = load_checkpoint(workdir / "release")
    return {
        "run": name,
        "numbers": checkpoint.layout.size,
        "steps": checkpoint.metrics["steps"],
        "validation": checkpoint.metrics["validation"],
    }


def _table(rows: list[dict[str, Any]]) -> str:
    sources = list(rows[0]["validation"])
    head = ["run", "numbers a document", "steps"]
    head += [f"{source}: {what}" for source in sources for what in ("answer loss", "exact match, %")]
    lines = [head, ["---"] * len(head)]
    for row in rows:
        found = [row["validation"][source] for source in sources]
        scores = [text for f in found for text in (f"{f['gold']:.3f}", f"{100 * f['exact']:.1f}")]
        lines.append([row["run"], f"{row['numbers']:,}", str(row["steps"]), *scores])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _plot(rows: list[dict[str, Any]], path: pathlib.Path) -> None:
    plt = pyplot()
    sources = list(rows[0]["validation"])
    figure, panels = plt.subplots(len(sources), 2, figsize=(9, 3.6 * len(sources)), squeeze=False)
    for source, (loss, exact) in zip(sources, panels, strict=True):
        for number, row in enumerate(rows):
            found = row["validation"][source]
            look = {"marker": _MARKERS[number // 10 % len(_MARKERS)], "color": f"C{number % 10}"}
            loss.plot(row["numbers"], found["gold"], linestyle="", label=row["run"], **look)
            exact.plot(row["numbers"], 100 * found["exact"], linestyle="", **look)
        loss.set_ylabel("answer loss, nats per token")
        exact.set_ylabel("exact match, %")
        for panel in (loss, exact):
            panel.set(title=f"{source}, validation", xscale="log", xlabel="numbers a document")
    figure.legend(*panels[0][0].get_legend_handles_labels(), loc="center left", bbox_to_anchor=(1, 0.5))
    figure.tight_layout()
    figure.savefig(path, dpi=130, bbox_inches="tight")
    plt.close(figure)


if __name__ == "__main__":
    sys.exit(main())
