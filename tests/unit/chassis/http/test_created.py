from fastapi import Response

from chassis.http.created import created


def test_what_is_new_is_answered_by_201_and_where_it_lies() -> None:
    response = Response()
    created(response, "/things/1")
    assert response.status_code == 201
    assert response.headers["location"] == "/things/1"
