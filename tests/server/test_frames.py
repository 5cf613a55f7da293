"""Which pages others may frame."""

import pytest

from tests.server.conftest import MakeSite


@pytest.mark.parametrize("ancestors", ["*", "'self' https://lms.example"])
def test_only_embedded_pages_may_be_framed(make_site: MakeSite, ancestors: str) -> None:
    client = make_site(embed_ancestors=ancestors).client

    def policy(path: str) -> list[str]:
        headers = client.get(path).headers
        assert "X-Frame-Options" not in headers
        return [one for one in headers["Content-Security-Policy"].split("; ") if "frame-a" in one]

    for path in ("/embed/case/k7m2qxvb", "/embed/case/x?share=y", "/embed/nothing"):
        assert policy(path) == [f"frame-ancestors {ancestors}"]
    for path in ("/", "/cases/k7m2qxvb", "/sign-in", "/embed", "/embedded", "/dicomweb/studies"):
        assert policy(path) == ["frame-ancestors 'none'"]
    # Everything else is as strict in a frame as it is elsewhere.
    framed = client.get("/embed/case/k7m2qxvb").headers["Content-Security-Policy"]
    other = client.get("/sign-in").headers["Content-Security-Policy"]
    assert framed.replace(f"frame-ancestors {ancestors}", "frame-ancestors 'none'") == other
