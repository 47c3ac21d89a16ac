import io
import logging
from collections.abc import Iterator

import pytest

from funchost.context import Context, current_invocation
from funchost.logs import _HOST_CATEGORIES, _QUIET, LineFormatter, parse_levels, set_up_logs


@pytest.fixture
def written() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(LineFormatter())
    logger = logging.getLogger("test.lines")
    logger.addHandler(handler)
    logger.propagate = False
    yield logger, stream
    logger.removeHandler(handler)


def test_a_traceback_is_one_line(written: tuple[logging.Logger, io.StringIO]) -> None:
    logger, stream = written
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        logger.exception("broken\nin two")
    lines = stream.getvalue().splitlines()
    assert len(lines) == 1
    assert "broken | in two | Traceback" in lines[0]
    assert "first | second" in lines[0]


def test_lines_of_an_invocation_carry_its_id(written: tuple[logging.Logger, io.StringIO]) -> None:
    logger, stream = written
    context = Context("f", "/app")
    token = current_invocation.set(context)
    logger.error("inside")
    current_invocation.reset(token)
    logger.error("outside")
    inside, outside = stream.getvalue().splitlines()
    assert f" ERROR test.lines [{context.invocation_id}] inside" in inside
    assert " ERROR test.lines outside" in outside


def test_levels_of_host_json_become_pythons() -> None:
    levels = parse_levels({"default": "Warning", "Function": "Debug", "Host": "None"})
    assert levels[""] == logging.WARNING
    assert levels["Function"] == logging.DEBUG
    assert levels["Host"] > logging.CRITICAL


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(ValueError, match="Loud"):
        parse_levels({"default": "Loud"})


@pytest.fixture
def _levels_as_before() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers, root.level, {name: logging.getLogger(name).level for name in (*_QUIET, *_HOST_CATEGORIES)}
    yield
    root.handlers, root.level = before[0], before[1]
    for name, level in before[2].items():
        logging.getLogger(name).setLevel(level)


@pytest.mark.usefixtures("_levels_as_before")
@pytest.mark.parametrize(("setting", "shown"), [("", False), ("1", True)])
def test_debug_lines_of_the_app_need_a_setting_and_those_of_the_host_do_not(
    setting: str, shown: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHON_ENABLE_DEBUG_LOGGING", setting)
    stream = io.StringIO()
    set_up_logs(parse_levels({"default": "Trace"}), stream)
    logging.getLogger("an.app").debug("from the app")
    logging.getLogger("Host.Queues").debug("from the host")
    assert ("from the app" in stream.getvalue()) is shown
    assert "from the host" in stream.getvalue()
