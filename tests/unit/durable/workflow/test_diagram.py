"""Definitions and instances as Mermaid text."""

import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from durable.workflow.diagram import diagram
from durable.workflow.dsl.definition import Definition
from durable.workflow.dsl.reader import read_document
from durable.workflow.models import TaskState

WHOLE = Path(__file__).parents[3] / "conformance" / "open_workflow" / "whole.yaml"
HEAD = {"document": {"dsl": "1.0.3", "namespace": "n", "name": "n", "version": "1.0.0"}}


def drawn(text: str, *runs: TaskState) -> str:
    return diagram(Definition.model_validate({**HEAD, **read_document(text.encode())}), runs)


def test_a_sequence_leads_from_start_to_end() -> None:
    assert drawn("do: [{a: {set: {n: 1}}}, {b: {wait: PT1S}}]").splitlines()[1:9] == [
        "flowchart TD",
        "    start((start))",
        '    n1["a<br/>set"]',
        '    n2("b<br/>wait")',
        "    n1 --> n2",
        "    n2 --> end_",
        "    start --> n1",
        "    end_((end))",
    ]


def test_an_end_that_nothing_leads_to_is_not_drawn() -> None:
    assert "end_" not in drawn("do: [{a: {raise: {error: {type: https://x.y/z, status: 400}}}}]")


def test_the_title_of_a_frame_is_one_line_with_room_above_what_is_within() -> None:
    text = drawn("do: [{each: {for: {each: reading, in: .readings}, do: [{a: {set: {n: 1}}}]}}]")
    assert 'subgraph n1["each · for reading in .readings"]' in text
    assert text.startswith('%%{init: {"flowchart": {')


def test_a_switch_leads_to_each_of_its_targets() -> None:
    text = drawn("do: [{a: {switch: [{x: {when: .a, then: b}}, {y: {then: end}}]}}, {b: {set: {n: 1}, then: a}}]")
    assert 'n1 -->|"x"| n2' in text
    assert 'n1 -->|"y"| end_' in text
    assert "n2 --> n1" in text
    assert "otherwise" not in text


def test_composites_are_subgraphs_and_errors_and_undoing_are_dotted() -> None:
    text = drawn(
        """
do:
  - t:
      try: [{a: {set: {n: 1}}}]
      catch: {do: [{b: {set: {n: 1}}}]}
      metadata: {compensation: {do: [{u: {set: {n: 1}}}]}}
"""
    )
    assert text.count("subgraph") == text.count("    end\n") == 4
    assert re.search(r'n\d -\.->\|"error"\| n\d', text)
    assert re.search(r'n1 -\.->\|"undo"\| n\d', text)


def test_tasks_have_the_colour_of_their_last_state() -> None:
    runs = [
        TaskState(sequence=n, name="a", reference="/do/0/a", state=state, started_at="x")
        for n, state in enumerate(["completed", "faulted"], 1)
    ]
    text = drawn("do: [{a: {set: {n: 1}}}, {b: {set: {n: 1}}}]", *runs)
    assert "class n1 faulted" in text
    assert "class n2" not in text
    assert "a<br/>set<br/>2 times" in text


def test_every_kind_of_task_can_be_drawn() -> None:
    document = read_document(WHOLE.read_bytes())
    text = diagram(Definition.model_validate(document))
    assert all(next(iter(task)) in text for task in document["do"])


@given(st.text(min_size=1, max_size=120))
def test_no_name_of_a_task_can_end_its_label(name: str) -> None:
    text = diagram(Definition.model_validate({**HEAD, "do": [{name: {"set": {"n": 1}}}]}))
    [line] = [line for line in text.splitlines() if line.strip().startswith("n1[")]
    assert re.fullmatch(r'    n1\["[^"<>\[\]{}|`]*<br/>set"\]', line)
