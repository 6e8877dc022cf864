"""Which processes count as hanging."""

from __future__ import annotations

import http.server
import os
import threading
from collections.abc import Mapping
from typing import Any

import pytest

from deploy.alive import answers, main, verdict, young


def report(**silent: float) -> Mapping[str, Any]:
    """Instances `service@host:pid` as `mla status --json` lists them; `__` stands for the colon."""
    beats = [{"instance": f"dispatcher@{place.replace('__', ':')}", "silent_s": s} for place, s in silent.items()]
    return {"services": [{"name": "dispatcher", "instances": beats}]}


def test_a_host_that_beats_is_alive() -> None:
    assert verdict(report(one__7=0.4, two__9=0.2), "one") == ""


def test_a_silent_host_hangs_while_others_are_heard() -> None:
    assert verdict(report(one__7=45, two__9=0.2), "one") == "one has been silent for 45 s"


def test_a_host_never_heard_of_hangs_while_others_are_heard() -> None:
    assert verdict(report(two__9=0.2), "one") == "nothing is heard of one"


def test_an_older_process_on_the_host_does_not_matter() -> None:
    assert verdict(report(one__7=300, one__8=0.5), "one") == ""


@pytest.mark.parametrize("told", [report(), report(one__7=45), report(one__7=45, two__9=50)])
def test_when_nobody_is_heard_the_bus_is_ill_and_nobody_is_restarted(told: Mapping[str, Any]) -> None:
    assert verdict(told, "one") == ""


def test_one_process_among_several_on_a_host() -> None:
    told = report(one__7=45, one__8=0.5)
    assert verdict(told, "one", 8) == ""
    assert verdict(told, "one", 7) == "one:7 has been silent for 45 s"


def test_a_host_whose_name_begins_alike_is_another() -> None:
    assert verdict(report(one1__7=0.1), "one") == "nothing is heard of one"


def test_a_process_that_is_gone_or_has_just_begun_is_not_judged() -> None:
    assert young(2**22 + 1)
    assert not young(1)
    assert main([str(2**22 + 1)]) == 0


class _Lives(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/healthz" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


def test_the_hmi_is_asked_on_loopback_where_it_listens_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), _Lives) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        port = server.server_address[1]
        monkeypatch.setitem(os.environ, "MLA_HTTP", f"0.0.0.0:{port}")
        assert main(["http"]) == 0
        server.shutdown()
        serving.join()
    assert not answers(f"127.0.0.1:{port}")
