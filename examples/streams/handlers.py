"""A handler of messages: a plain function that is given batches. Registered by being imported:

PLATFORM_PROCESSING_HANDLERS=examples.streams.handlers
"""

import logging
from collections.abc import Sequence

from functions.processing.messages.handlers import HandlerMessage, Refused, handler

log = logging.getLogger(__name__)


@handler("count-words", batch=200)
async def count_words(messages: Sequence[HandlerMessage]) -> None:
    """Say how many words each message has; one without a text is kept as poison, the others are done."""
    bad = {}
    for message in messages:
        text = message.data.get("text") if isinstance(message.data, dict) else None
        if isinstance(text, str):
            log.info("message %s of %s: %d words", message.id, message.tenant, len(text.split()))
        else:
            bad[message.id] = "there is no text"
    if bad:
        raise Refused(bad)
