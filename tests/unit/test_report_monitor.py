"""``--ping-url``: a real server hears start, success and failure; it costs the run nothing."""

import socket

import pytest
from listener import Listener

from vecstream_cli.errors import ExitCode, UsageError
from vecstream_cli.report import monitor
from vecstream_cli.report.monitor import Monitor
from vecstream_cli.secret import Secret


@pytest.mark.parametrize(
    ("path", "start", "done", "fail"),
    [
        ("/ping/5d0c", "/ping/5d0c/start", "/ping/5d0c", "/ping/5d0c/fail"),
        ("/ping/5d0c/", "/ping/5d0c/start", "/ping/5d0c/", "/ping/5d0c/fail"),
        ("/p/5d0c?rid=1#x", "/p/5d0c/start?rid=1", "/p/5d0c?rid=1", "/p/5d0c/fail?rid=1"),
        ("", "/start", "/", "/fail"),
    ],
)
def test_the_server_hears_where_the_job_is(path: str, start: str, done: str, fail: str) -> None:
    with Listener() as listener:
        it = Monitor(Secret(listener.url + path))
        answers = [it.start(), it.end(ExitCode.DONE), it.end(ExitCode.FAILED)]
        assert listener.asked == [start, done, fail]
        assert answers == [None, None, None]


@pytest.mark.parametrize("code", list(ExitCode))
def test_everything_but_a_success_is_a_failure(code: ExitCode) -> None:
    with Listener() as listener:
        Monitor(Secret(listener.url + "/x")).end(code)
        assert listener.asked == ["/x" if code in (0, 3) else "/x/fail"]


@pytest.mark.parametrize("status", [404, 500])
def test_an_answer_that_refuses_is_told(status: int) -> None:
    with Listener(status) as listener:
        assert Monitor(Secret(listener.url + "/x")).start() == f"it answered {status}"


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def test_a_server_that_is_away_is_told() -> None:
    secret = Secret(f"http://127.0.0.1:{free_port()}/hunter2")
    assert Monitor(secret).start() == "Connection refused"


def test_a_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor, "SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        secret = Secret(f"http://127.0.0.1:{silent.getsockname()[1]}/hunter2")
        assert "no answer within" in str(Monitor(secret).start())


def test_a_server_that_speaks_no_http_is_told_without_the_url() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        secret = Secret(f"http://127.0.0.1:{server.getsockname()[1]}/hunter2")
        import threading

        def babble() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"\x00\x01 hunter2\r\n\r\n")

        thread = threading.Thread(target=babble)
        thread.start()
        failure = Monitor(secret).start()
        thread.join()
    assert failure
    assert "hunter2" not in failure


@pytest.mark.parametrize(
    "url", ["hc-ping.com/5d0c", "ftp://host/x", "file:///etc/passwd", "http://", "https://a b"]
)
def test_what_is_no_such_url_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(UsageError) as raised:
        Monitor(Secret(url))
    assert url not in f"{raised.value.message} {raised.value.hint}"


def test_a_url_that_cannot_be_had_costs_only_the_pings() -> None:
    failure = Monitor(Secret.from_command("false")).start()
    assert failure
    assert "failed" in failure
