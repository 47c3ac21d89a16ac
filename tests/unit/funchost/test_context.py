import re
import uuid

import azure.functions as func

from funchost.context import Context, Out, RetryContext, TraceContext, new_invocation_id


def test_invocation_ids_are_random_uuids() -> None:
    first, second = new_invocation_id(), new_invocation_id()
    assert first != second
    assert uuid.UUID(first).version == 4
    assert uuid.UUID(first).variant == uuid.RFC_4122


def test_a_context_is_what_functions_are_annotated_with() -> None:
    context = Context("f", "/app", TraceContext("00-aa-bb-01", "k=v"), RetryContext(1, 3))
    assert isinstance(context, func.Context)
    assert (context.function_name, context.function_directory) == ("f", "/app")
    assert (context.trace_context.trace_parent, context.trace_context.trace_state) == ("00-aa-bb-01", "k=v")
    assert (context.retry_context.retry_count, context.retry_context.max_retry_count) == (1, 3)
    assert context.invocation_id == context.invocation_id


def test_a_caller_without_a_trace_starts_one_that_stays() -> None:
    trace = Context("f", "/app").trace_context
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-00", trace.trace_parent)
    assert trace.trace_parent == trace.trace_parent


def test_an_out_holds_the_last_value_set() -> None:
    out = Out()
    assert out.get() is None
    out.set(1)
    out.set(2)
    assert out.get() == 2
    assert isinstance(out, func.Out)
