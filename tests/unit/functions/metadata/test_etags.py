from functions.metadata.etags import etag_of


def test_an_etag_is_quoted_and_tells_revisions_apart() -> None:
    assert etag_of("f" * 64) == '"' + "f" * 32 + '"'
    assert etag_of("f" * 64, 2) != etag_of("f" * 64, 3)
