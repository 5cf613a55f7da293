"""Who reports one thing after the other has to wait."""

from flask import Flask
from werkzeug.test import TestResponse

from server.report_limit import REPORTS_AN_HOUR, limit_reports


def test_ten_an_hour_are_taken_from_one_address() -> None:
    app = Flask("one")
    app.add_url_rule(
        "/<status>", "reports.send", lambda status: ("", int(status)), methods=["POST"]
    )
    app.add_url_rule("/form", "reports.form", lambda: "")
    limit_reports(app)
    client = app.test_client()

    def send(status: int, address: str = "198.51.100.7") -> TestResponse:
        return client.post(f"/{status}", environ_overrides={"REMOTE_ADDR": address})

    for _ in range(REPORTS_AN_HOUR):
        # What was typed wrong does not count.
        assert send(422).status_code == 422
        assert send(303).status_code == 303
    refused = send(303)
    assert refused.status_code == 429
    assert 3500 < int(refused.headers["Retry-After"]) <= 3600
    assert send(303, "198.51.100.8").status_code == 303
    assert client.get("/form").status_code == 200
