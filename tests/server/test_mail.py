"""Mail that is sent by SMTP: taken, refused, put off, and never told of in a log."""

import logging
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

import server.kinds
import server.worker
from accounts.messages import GIVE_UP_AFTER, Message, message_by_id, send
from server.config import Settings, load
from server.errors import ConfigError, TransferError, TryLater
from server.mail import MAIL, Mailer, claim_waiting, deliver, mailer_of
from server.services import Services, now
from server.worker import work
from store.jobs import PAUSES, Job, Jobs, JobState
from tests.dimse.certificates import Authority
from tests.server.sites import Clock
from tests.support.databases import ready
from tests.support.smtp import MailServer, mail_server

TO = "zebedee.quillfeather@example.org"


@pytest.fixture
def smtp() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


@pytest.fixture
def services(tmp_path: Path, smtp: MailServer) -> Iterator[Services]:
    settings = {
        "READINGROOM_DATA": str(tmp_path / "data"),
        "READINGROOM_SMTP": f"smtp://127.0.0.1:{smtp.port}",
        "READINGROOM_MAIL_FROM": "readingroom@example.org",
        "READINGROOM_PUBLIC_BASE": "https://cases.example.org",
    }
    made = Services(load(environment=settings))
    ready(made.database)
    made.__dict__["jobs"] = Jobs(made.database, Clock())
    yield made
    made.database.dispose()


def put(services: Services) -> int:
    body = "Guten Tag, Zoë\n\n.\nhttps://example.org/confirm/secret\n"
    return send(services.database, TO, "Confirm your address · ✓", body, clock=now)


def attempt(services: Services) -> tuple[Job, str]:
    """Do the next job as the worker does; the job, and what it raised."""
    claim_waiting(services)
    job = services.jobs.take((MAIL,), "worker")
    assert job is not None
    try:
        deliver(services, job, lambda _done, _total: None, lambda _kept: None)
    except TryLater as error:
        services.jobs.put_off(job, "worker", str(error))
        return job, f"later: {error}"
    except TransferError as error:
        services.jobs.fail(job.id, "worker", str(error))
        return job, f"never: {error}"
    services.jobs.finish(job.id, "worker")
    return job, "sent"


def test_a_message_is_sent_once(services: Services, smtp: MailServer) -> None:
    number = put(services)
    assert attempt(services)[1] == "sent"
    [(to, mail)] = smtp.mails
    assert to == [TO]
    assert (mail["From"], mail["To"]) == ("readingroom@example.org", TO)
    assert mail["Subject"] == "Confirm your address · ✓"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"].endswith("@example.org>")
    assert mail.get_content().replace("\r\n", "\n") == (
        "Guten Tag, Zoë\n\n.\nhttps://example.org/confirm/secret\n"
    )
    sent = message_by_id(services.database, number)
    assert sent.sent_at is not None
    assert sent.body == ""
    claim_waiting(services)
    assert services.jobs.take((MAIL,), "worker") is None


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "."])
def test_what_is_refused_for_good_is_not_tried_again(
    services: Services, smtp: MailServer, command: str
) -> None:
    smtp.answer = lambda said: f"550 5.1.1 no {TO} here" if said == command else None
    number = put(services)
    job, outcome = attempt(services)
    assert outcome.startswith("never")
    trouble = message_by_id(services.database, number).trouble
    assert trouble == "The mail server does not take mail for this address."
    assert TO not in services.jobs.get(job.id).trouble
    claim_waiting(services)
    assert services.jobs.take((MAIL,), "worker") is None


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA", "."])
def test_what_is_refused_for_now_is_tried_again_after_a_pause(
    services: Services, smtp: MailServer, command: str
) -> None:
    smtp.answer = lambda said: "451 4.7.1 greylisted" if said == command else None
    number = put(services)
    assert attempt(services)[1].startswith("later")
    assert message_by_id(services.database, number).trouble
    assert services.jobs.take((MAIL,), "worker") is None
    smtp.answer = lambda _said: None
    clock = services.jobs._clock
    assert isinstance(clock, Clock)
    clock.ahead += PAUSES[0]
    assert attempt(services)[1] == "sent"
    assert message_by_id(services.database, number).trouble == ""


def test_a_server_that_is_away_for_hours_is_waited_for(
    services: Services, smtp: MailServer
) -> None:
    smtp.answer = lambda _said: "421 4.3.2 closing down"
    number, clock = put(services), services.jobs._clock
    assert isinstance(clock, Clock)
    for pause in PAUSES:
        job, outcome = attempt(services)
        assert outcome.startswith("later")
        clock.ahead += pause
    last, _ = attempt(services)
    assert last.id == job.id
    assert services.jobs.get(job.id).state is JobState.FAILED
    smtp.answer = lambda _said: None
    another, outcome = attempt(services)
    assert (another.id != job.id, outcome) == (True, "sent")
    assert message_by_id(services.database, number).sent_at is not None


def test_a_message_of_last_week_is_not_sent(services: Services, smtp: MailServer) -> None:
    def last_week() -> object:
        return now() - GIVE_UP_AFTER - timedelta(minutes=1)

    send(services.database, TO, "Confirm", "text", clock=last_week)  # type: ignore[arg-type]
    claim_waiting(services)
    assert services.jobs.take((MAIL,), "worker") is None
    assert smtp.mails == []


def test_the_worker_sends_mail_while_it_does_other_work(
    services: Services,
    smtp: MailServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    busy, stop = threading.Event(), threading.Event()

    def takes_long(*_: object) -> None:
        busy.set()
        assert stop.wait(30)

    monkeypatch.setitem(server.kinds._ALL, "export", takes_long)
    monkeypatch.setattr(server.worker, "LOOK_EVERY_SECONDS", 0.02)
    services.jobs.add(1, "export", {})
    with caplog.at_level(logging.DEBUG):
        worker = threading.Thread(target=work, args=(services, stop))
        worker.start()
        assert busy.wait(30)
        put(services)
        end = time.monotonic() + 30
        while not smtp.mails:
            assert time.monotonic() < end
            time.sleep(0.02)
        stop.set()
        worker.join(30)
    assert "quillfeather" not in caplog.text.lower()


def mailer(port: int, **changes: object) -> Mailer:
    made = Mailer("127.0.0.1", port, False, "", "", "readingroom@example.org")
    return replace(made, **changes)  # type: ignore[arg-type]


def message() -> Message:
    return Message(1, None, TO, "Confirm", "text", now(), None, "")


def test_a_password_is_given_to_this_machine(smtp: MailServer) -> None:
    mailer(smtp.port, user="ines", password="p@ss").send(message())
    assert smtp.users == [("ines", "p@ss")]


def test_a_wrong_password_is_a_trouble(smtp: MailServer) -> None:
    smtp.answer = lambda said: "535 5.7.8 no" if said == "AUTH" else None
    with pytest.raises(TryLater, match="user and password"):
        mailer(smtp.port, user="ines", password="wrong").send(message())


def test_a_password_goes_nowhere_else_without_tls(
    smtp: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if it were another machine.
    monkeypatch.setattr("server.mail.LOOPBACK", ())
    with pytest.raises(TryLater, match="no TLS"):
        mailer(smtp.port, user="ines", password="p@ss").send(message())
    assert (smtp.users, smtp.mails) == ([], [])


def test_nobody_listens_there() -> None:
    with mail_server() as gone:
        port = gone.port
    with pytest.raises(TryLater, match="cannot be reached"):
        mailer(port).send(message())


def spoken(authority: Authority) -> ssl.SSLContext:
    pair = authority.pair("mail")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    return context


def test_tls_is_spoken_from_the_start_or_as_soon_as_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path, "authority")
    tls = spoken(authority)
    monkeypatch.setattr("server.mail.LOOPBACK", ())
    with mail_server(tls) as secure, mail_server() as plain:
        plain.tls, plain.offers = tls, ("STARTTLS", "AUTH PLAIN")
        for running, from_start in ((secure, True), (plain, False)):
            there = mailer(running.port, tls=from_start, user="ines", password="p@ss")
            with pytest.raises(TryLater, match="certificate"):
                there.send(message())
            assert running.users == []
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
        for running, from_start in ((secure, True), (plain, False)):
            there = mailer(running.port, tls=from_start, user="ines", password="p@ss")
            there.send(message())
            assert running.users == [("ines", "p@ss")]
            assert len(running.mails) == 1


def test_the_settings_name_the_server() -> None:
    settings = Settings(
        smtp="smtps://in%40es:p%3Aw@mail.example.org",
        contact="help@example.org",
        public_base="https://cases.example.org",
    )
    made = mailer_of(settings)
    assert made == Mailer("mail.example.org", 465, True, "in@es", "p:w", "help@example.org")
    assert mailer_of(Settings()) is None


@pytest.mark.parametrize(
    ("smtp", "sender"),
    [
        ("mail.example.org", "readingroom@example.org"),
        ("http://mail.example.org", "readingroom@example.org"),
        ("smtp://", "readingroom@example.org"),
        ("smtp://mail.example.org:port", "readingroom@example.org"),
        ("smtp://mail.example.org", ""),
    ],
)
def test_settings_that_cannot_be_used_are_said_at_the_start(smtp: str, sender: str) -> None:
    with pytest.raises(ConfigError):
        mailer_of(Settings(smtp=smtp, mail_from=sender, public_base="https://cases.example.org"))


def test_mail_is_not_sent_with_links_to_whatever_host_was_asked_for() -> None:
    settings = Settings(smtp="smtp://mail.example.org", mail_from="readingroom@example.org")
    with pytest.raises(ConfigError, match="public_base"):
        mailer_of(settings)
