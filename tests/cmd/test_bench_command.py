# SPDX-License-Identifier: LGPL-2.1-or-later
"""lanloom bench between two ends on the loopback; what it measures is no test."""
import contextlib
import json
import socket
import subprocess

from test_cmd import LANLOOM, lanloom


def free_port():
    with socket.socket() as any_socket:
        any_socket.bind(("127.0.0.1", 0))
        return str(any_socket.getsockname()[1])


@contextlib.contextmanager
def server(port):
    with subprocess.Popen([LANLOOM, "bench", "--server", "127.0.0.1", "--port", port], stdout=subprocess.PIPE,
                          text=True) as process:
        try:
            assert "waits at 127.0.0.1" in process.stdout.readline()
            yield
        finally:
            process.terminate()


def test_a_client_tells_rates_and_round_trips():
    port = free_port()
    with server(port):
        words = ("bench", "--client", "127.0.0.1", "-p", port, "-t", "1")
        found = json.loads(lanloom(*words, "--json").stdout)
        text = lanloom(*words).stdout
        with socket.create_connection(("127.0.0.1", int(port))) as stranger:
            stranger.sendall(b"?" * 100)
            stranger.settimeout(10)
            with contextlib.suppress(ConnectionError):
                assert stranger.recv(10) == b""
        lanloom(*words, "-q")
    assert [one["streams"] for one in found["streams"]] == [1, 4]
    assert all(one["rate"] > 1e6 for one in found["streams"])
    for trip in found["round-trip"].values():
        assert 0 < trip["median"] <= trip["p99"] < 10
    assert "four" not in text and "TCP, 4 streams" in text and "beside the streams" in text


def test_what_cannot_be_measured_is_said():
    port = free_port()
    done = lanloom("bench", "--client", "127.0.0.1", "--port", port, code=1)
    assert f"127.0.0.1 port {port}: Connection refused" in done.stderr
    assert "try: lanloom bench --server ADDRESS" in done.stderr
    assert "errors" in json.loads(lanloom("bench", "--client", "127.0.0.1", "-p", port, "--json", code=1).stdout)
    assert "192.0.2.77" in lanloom("bench", "--server", "192.0.2.77", code=1).stderr


def test_either_end_and_a_time_that_is_one():
    assert "either --server or --client" in lanloom("bench", code=2).stderr
    lanloom("bench", "--server", "127.0.0.1", "--client", "127.0.0.1", code=2)
    assert "1 to 60" in lanloom("bench", "--client", "127.0.0.1", "-t", "0", code=2).stderr
