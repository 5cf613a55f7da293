"""A mail server on loopback that takes what it is sent, or answers as a test wants."""

import socketserver
import ssl
import threading
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

__all__ = ["MailServer", "mail_server"]


@dataclass
class MailServer:
    """What it got, and what it answers.

    Attributes:
        port: where it listens.
        mails: what it took, with the addresses of the envelope.
        users: user and password of each sign-in.
        answer: by command (`RCPT`, `DATA`, `.`, `AUTH`), another answer than that all is well.
        tls: what is spoken after STARTTLS.
        offers: further lines of the answer to EHLO, such as `STARTTLS`.
    """

    port: int = 0
    mails: list[tuple[list[str], EmailMessage]] = field(default_factory=list)
    users: list[tuple[str, str]] = field(default_factory=list)
    answer: Callable[[str], str | None] = lambda _command: None
    tls: ssl.SSLContext | None = None
    offers: tuple[str, ...] = ("AUTH PLAIN",)


@contextmanager
def mail_server(tls: ssl.SSLContext | None = None) -> Iterator[MailServer]:
    """Run one; with `tls` it speaks that from the first byte."""
    state = MailServer()

    class Session(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            try:
                self._serve()
            except (OSError, ValueError):
                # The client did not like the certificate, say.
                return
            finally:
                self.connection.close()

        def _serve(self) -> None:
            if tls is not None:
                self._wrap(tls)
            self._say("220 mail.example.org ESMTP")
            to: list[str] = []
            while line := self.rfile.readline().decode().strip():
                command, _, value = line.partition(" ")
                command = command.upper()
                own = state.answer(command)
                if own is not None:
                    self._say(own)
                elif command == "EHLO":
                    lines = ("mail.example.org", *state.offers)
                    for number, one in enumerate(lines, 1):
                        self._say(f"250{' ' if number == len(lines) else '-'}{one}")
                elif command == "STARTTLS":
                    assert state.tls is not None
                    self._say("220 go on")
                    self._wrap(state.tls)
                elif command == "AUTH":
                    _, user, password = b64decode(value.split()[-1]).decode().split("\0")
                    state.users.append((user, password))
                    self._say("235 2.7.0 fine")
                elif command == "DATA":
                    self._say("354 go on")
                    self._take(to)
                elif command == "QUIT":
                    self._say("221 bye")
                    return
                else:
                    to += [value[value.index("<") + 1 : value.index(">")]] * (command == "RCPT")
                    self._say("250 fine")

        def _take(self, to: list[str]) -> None:
            lines = []
            while (line := self.rfile.readline()) != b".\r\n":
                lines.append(line.removeprefix(b"."))
            if own := state.answer("."):
                self._say(own)
                return
            mail = message_from_bytes(b"".join(lines), policy=policy.default)
            assert isinstance(mail, EmailMessage)
            state.mails.append((to, mail))
            self._say("250 taken")

        def _wrap(self, context: ssl.SSLContext) -> None:
            self.rfile.close()
            wrapped = context.wrap_socket(
                self.request, server_side=True, do_handshake_on_connect=False
            )
            self.connection = self.request = wrapped
            wrapped.do_handshake()
            self.rfile = self.connection.makefile("rb")
            self.wfile = self.connection.makefile("wb", buffering=0)

        def _say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session) as server:
        server.daemon_threads = True
        state.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()
