"""When a window's result is given, and which messages count."""

from typing import Any

from functions.processing.streams.engine import StreamEngine, StreamMessage
from functions.processing.streams.state import StreamState
from tests.unit.functions.processing.streams.parts import NOW_US, TUMBLING, Sent, a_stream, an_engine, the_program


def test_a_window_is_given_again_for_a_message_within_the_allowed_lateness() -> None:
    engine = an_engine(a_stream(TUMBLING, allowedLatenessS=20))
    steps = [engine.apply([Sent(str(at), "a", at, 1).message()], NOW_US).step for at in (3, 12, 4, 29, 30, 5)]
    given_ = [[(r.start // 10**6, r.pane, r.final, r.values["n"]) for r in step.results] for step in steps]
    last_of_all = [(0, 3, True, 2), (20, 1, False, 1)]
    assert given_ == [[], [(0, 1, False, 1)], [(0, 2, False, 2)], [(10, 1, False, 1)], last_of_all, []]
    assert steps[-1].late == (b'{"id":"5","data":{"k":"a","t":5000,"v":1}}',)


def test_early_results_come_every_n_seconds_until_the_window_ends() -> None:
    engine = an_engine(a_stream(TUMBLING, trigger={"earlyEveryS": 5}))
    first = engine.apply([Sent("1", "a", 1, 1).message()], 0).step
    second = engine.apply([Sent("2", "a", 2, 1).message()], 4_000_000).step
    third = engine.tick(5_000_000)
    assert third is not None
    counts = [[(r.pane, r.final, r.values["n"]) for r in step.results] for step in (first, second, third)]
    assert counts == [[(1, False, 1)], [], [(2, False, 2)]]
    assert engine.tick(6_000_000) is None
    assert engine.tick(11_000_000) is None  # nothing has changed since


def test_the_windows_of_an_idle_partition_close_by_the_clock() -> None:
    engine = an_engine(a_stream(TUMBLING, idleAfterS=20))
    engine.apply([Sent("1", "a", 1, 1).message()], 0)
    assert engine.tick(0) is None
    assert engine.tick(19_000_000) is None
    step = engine.tick(20_000_000)
    assert step is not None
    assert [(r.end, r.final) for r in step.results] == [(10_000_000, True)]


def test_messages_that_do_not_fit_the_schema_are_named_and_the_rest_goes_on() -> None:
    engine = an_engine(a_stream(TUMBLING))
    datas: list[Any] = [
        {"k": "a", "t": 1000, "v": 1}, {"k": "a", "v": 1}, {"k": "a", "t": 1000, "v": "x"}, [], {"k": 5, "t": 1},
        {"k": "a", "t": NOW_US // 1000 + 3_600_001, "v": 1}, {"k": "k" * 300, "t": 1000, "v": 1},
    ]  # fmt: skip
    applied = engine.apply([StreamMessage(str(number), data) for number, data in enumerate(datas)], NOW_US)
    assert applied.step.counted == 1
    assert applied.invalid == (
        (1, "'t' is missing"),
        (2, "'v' is not an integer of 64 bits"),
        (3, "the message's data is not an object"),
        (4, "'k' is not a string"),
        (5, "'t' is too far in the future"),
        (6, "'k' is longer than 200 characters, too long for a key"),
    )


def test_an_invalid_message_may_come_again_corrected() -> None:
    engine = an_engine(a_stream(TUMBLING))
    assert engine.apply([StreamMessage("1", {"k": "a"})], NOW_US).step.counted == 0
    assert engine.apply([StreamMessage("1", {"k": "a", "t": 1000, "v": 1})], NOW_US).step.counted == 1


def test_a_key_of_another_partition_is_refused() -> None:
    stream = a_stream(TUMBLING)
    program = the_program(stream)
    engine = StreamEngine(stream, program, StreamState(stream, program), owns=lambda key: key == "a")
    applied = engine.apply([Sent("1", "b", 1, 1).message()], NOW_US)
    assert applied.invalid == ((0, "the key 'b' belongs to another partition"),)


def test_a_copy_of_a_forgotten_id_is_late_and_never_counted_again() -> None:
    engine = an_engine(a_stream(TUMBLING, deduplicateS=0))
    first = Sent("1", "a", 1, 1).message()
    engine.apply([first, Sent("2", "a", 10_000, 1).message()], NOW_US)
    engine.apply([Sent("3", "a", 20_000, 1).message()], NOW_US)
    step = engine.apply([first], NOW_US).step
    assert (step.counted, step.duplicates, len(step.late)) == (0, 0, 1)
