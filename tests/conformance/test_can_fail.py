"""Every check fails on some server that answers wrongly."""

from conformance.samples import SAMPLES
from conformance.server import Server
from conformance.suite import CHECKS, run
from conformance.suites import SUITES
from tests.conformance.stub import ALL_WRONG, running


def test_every_check_can_fail() -> None:
    # Without a folder of files there is nothing that could be wrong (tests/integration has one).
    never = {each.id for each in CHECKS if each.suite != "folder"}
    for wrong in ALL_WRONG:
        with running(wrong) as root:
            server = Server(root, {}, SAMPLES)
            results = run(server, SUITES, sorted(never))
            server.session.close()
        never -= {result.check.id for result in results if result.verdict == "fail"}
    assert sorted(never) == []
