"""`regrad build`, `ask` and `bank rebuild` on a tiny checkpoint, as a user runs them."""

import json

import pytest

from regrad_jax.bank.bank import Bank
from tests.cli.command import refuses, regrad


@pytest.fixture(scope="module")
def bank(folder, minilm):
    """A bank that the command line built."""
    path = folder / "bank"
    done = _build(folder, path)
    assert done.returncode == 0, done.stderr
    assert "passages added, 0 unchanged" in done.stdout and "exact search" in done.stdout
    assert "padding" in done.stderr and "tokens/s" in done.stderr
    return path


def _build(folder, path, *more):
    given = f"--corpus={folder / 'corpus.jsonl'}", f"--checkpoint={folder / 'checkpoint'}"
    return regrad("build", f"--bank={path}", *given, *more)


def _ask(folder, bank, *more, stdin="", **environment):
    given = f"--bank={bank}", f"--checkpoint={folder / 'checkpoint'}", "--max_new_tokens=4"
    return regrad("ask", *given, *more, stdin=stdin, **environment)


def test_building_again_adds_nothing_and_says_so_as_json(folder, bank):
    done = _build(folder, bank, "--json")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert (facts["added"], facts["refused"]) == (0, [])
    assert facts["unchanged"] == facts["bank"]["documents"] == len(Bank.open(bank)) >= 6
    assert facts["index"].startswith("exact search")


def test_a_file_of_questions_comes_back_line_by_line_whether_rows_are_read_or_held(folder, bank):
    asked = [json.loads(line) for line in (folder / "questions.jsonl").read_text().splitlines()]
    given = f"--questions={folder / 'questions.jsonl'}", "--top_k=2"
    read, held = _ask(folder, bank, *given), _ask(folder, bank, *given, "--resident")
    assert read.returncode == held.returncode == 0, read.stderr + held.stderr
    assert f"{len(Bank.open(bank))} rows are in device memory" in held.stderr
    answers, same = ([json.loads(line) for line in done.stdout.splitlines()] for done in (read, held))
    assert [(a["id"], a["question"]) for a in answers] == [(q["id"], q["question"]) for q in asked]
    assert [a["answer"] for a in same] == [a["answer"] for a in answers]
    held_ids = {record.id for record in Bank.open(bank).records.values()}
    for answer in answers:
        assert [*answer["timings_ms"]] == ["retrieve", "read", "adapt", "generate"]
        assert len(answer["documents"]) == 2 and {d["id"] for d in answer["documents"]} <= held_ids


def test_one_question_with_choices(folder, bank):
    done = _ask(folder, bank, "--question=Who lit it?", "--choice=Toril", "--choice=Brana", "--json")
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["choice"] in ("Toril", "Brana")


def test_questions_of_a_pipe_are_answered_one_by_one_and_a_long_one_ends_nothing(folder, bank):
    done = _ask(folder, bank, stdin=f"Who lit it?\n{'why ' * 3000}\n\nWhen?\n")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len([line for line in lines if line.endswith(" ms")]) == 2
    assert len([line for line in lines if line.startswith("    0.")]) == 2 * 3  # the documents
    (error,) = [line for line in done.stderr.splitlines() if line.startswith("regrad: ")]
    assert "lower --top_k" in error and "why why" in error and len(error) < 300


def test_a_bad_question_of_a_file_has_an_error_and_the_others_their_answers(folder, bank, tmp_path):
    asked = [{"id": "a", "question": "Who?"}, {"id": "b", "question": "why " * 3000}, {"question": "When?"}]
    (tmp_path / "q.jsonl").write_text("\n".join(map(json.dumps, asked)))
    done = _ask(folder, bank, f"--questions={tmp_path / 'q.jsonl'}")
    assert done.returncode == 1, done.stderr
    first, bad, third = map(json.loads, done.stdout.splitlines())
    assert (first["id"], bad["id"], third["id"]) == ("a", "b", "3")
    assert "lower --top_k, or ask a shorter question" in bad["error"] and "answer" not in bad
    assert "answer" in first and "answer" in third


def test_an_output_that_lacks_letters_gets_json_all_the_same(folder, bank):
    done = _ask(folder, bank, "--question=מי?", "--json", PYTHONIOENCODING="latin-1")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["question"] == "מי?"


def test_an_older_version_is_asked_and_the_newest_is_not_changed(folder, bank):
    with Bank.open(bank) as open_bank:
        version, gone = open_bank.version, next(iter(open_bank.records.values())).id
        open_bank.delete([gone])
    question = f"--question=Which entry is {gone}?"
    past = _ask(folder, bank, question, "--top_k=100", f"--version={version}", "--json")
    now = _ask(folder, bank, question, "--top_k=100", "--json")
    ids = [{d["id"] for d in json.loads(done.stdout)["documents"]} for done in (past, now)]
    assert ids[0] - ids[1] == {gone} and len(ids[1]) == len(ids[0]) - 1
    with Bank.open(bank) as open_bank:
        open_bank.rollback(version)


def test_reindex_and_rebuild(folder, bank, tmp_path):
    done = regrad("bank", "reindex", f"--bank={bank}", "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["index"] == "exact"
    given = f"--to={tmp_path / 'new'}", f"--checkpoint={folder / 'checkpoint'}", "--codec=int8", "--json"
    done = regrad("bank", "rebuild", f"--bank={bank}", *given)
    assert done.returncode == 0, done.stderr
    facts, old, new = json.loads(done.stdout), Bank.open(bank), Bank.open(tmp_path / "new")
    assert facts["codec"] == new.manifest.codec == "int8"
    assert facts["added"] == len(new) == len(old)
    texts = [{(r.id, r.text) for r in b.records.values()} for b in (old, new)]
    assert texts[0] == texts[1]


def test_a_demo_does_not_take_a_folder_that_is_not_its_own(folder, tmp_path):
    (tmp_path / "letter.txt").write_text("Dear")
    refuses(regrad("demo", f"--workdir={tmp_path}"), "is not empty and not a demo's folder")
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]
