"""OTLP over HTTP: a request body in protobuf or JSON, plain or gzip, and the answer in the same encoding.

https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

import zlib
from base64 import b64encode
from enum import Enum
from typing import Any, TypeVar, cast

import orjson
from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from google.protobuf.message import DecodeError, Message

from functions.monitoring.errors import BadTelemetry, TelemetryTooLarge

MAX_BODY_BYTES = 4 * 1024 * 1024
MAX_PLAIN_BYTES = 16 * 1024 * 1024
GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
"""Let zlib find out which of the two headers the data has."""

IDS = {"traceId": 32, "spanId": 16, "parentSpanId": 16}
"""Ids are hex in OTLP/JSON, unlike the base64 that protobuf's own JSON mapping has; with their lengths."""

Request = TypeVar("Request", bound=Message)


class Encoding(Enum):
    """The two encodings of OTLP/HTTP, by media type."""

    PROTOBUF = "application/x-protobuf"
    JSON = "application/json"


def encoding_of(content_type: str) -> Encoding:
    """The encoding that a Content-Type names. Raises BadTelemetry for any other."""
    try:
        return Encoding(content_type.partition(";")[0].strip().lower())
    except ValueError:
        raise BadTelemetry("send application/x-protobuf or application/json") from None


def plain_body(body: bytes, content_encoding: str) -> bytes:
    """The body without its compression. Raises TelemetryTooLarge, also for one that only inflates to that size."""
    if len(body) > MAX_BODY_BYTES:
        raise TelemetryTooLarge(f"a body has at most {MAX_BODY_BYTES} bytes")
    match content_encoding.strip().lower():
        case "" | "identity":
            return body
        case "gzip" | "deflate":
            return _inflated(body)
    raise BadTelemetry("send the body plain or with Content-Encoding: gzip")


def read_request(kind: type[Request], body: bytes, encoding: Encoding) -> Request:
    """The export request in a plain body. Raises BadTelemetry."""
    try:
        request: Any = kind()
        if encoding is Encoding.PROTOBUF:
            request.ParseFromString(body)
        else:
            ParseDict(_json_object(body), request, ignore_unknown_fields=True)
    except (DecodeError, ParseError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise BadTelemetry(f"not an export request: {type(error).__name__}") from None
    return cast(Request, request)


def write_response(response: Message, encoding: Encoding) -> bytes:
    """The body of the answer."""
    if encoding is Encoding.PROTOBUF:
        return bytes(response.SerializeToString())
    return orjson.dumps(MessageToDict(response))


def _inflated(body: bytes) -> bytes:
    inflater = zlib.decompressobj(GZIP_OR_ZLIB)
    try:
        plain = inflater.decompress(body, MAX_PLAIN_BYTES + 1)
    except zlib.error:
        raise BadTelemetry("the body is not compressed as its Content-Encoding says") from None
    if len(plain) > MAX_PLAIN_BYTES:
        raise TelemetryTooLarge(f"a body inflates to at most {MAX_PLAIN_BYTES} bytes")
    if not inflater.eof:
        raise BadTelemetry("the compressed body is cut off")
    return plain


def _json_object(body: bytes) -> Any:
    document = orjson.loads(body)
    if not isinstance(document, dict):
        raise ValueError("not a JSON object")
    return _with_base64_ids(document)


def _with_base64_ids(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_base64_ids(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {key: _base64_id(key, each) if key in IDS else _with_base64_ids(each) for key, each in value.items()}


def _base64_id(name: str, value: Any) -> str:
    if value == "":
        return ""
    if not isinstance(value, str) or len(value) != IDS[name]:
        raise ValueError(f"{name} is {IDS[name]} hex digits")
    return b64encode(bytes.fromhex(value)).decode("ascii")
