"""The Python client as a scientist uses it, on a running platform."""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import Iterator
from contextlib import AsyncExitStack, aclosing, closing
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kernel.clock import SystemClock
from tests.peers.tcp_proxy import tcp_proxy
from tests.support.client import CLIENT, mla_client
from tests.support.platform import Running, eventually, free_port

pytestmark = pytest.mark.timeout(300)
WIND, AZIMUTH = "site.weather.wind_speed", "ast1.mount.azimuth"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
OURS = ("MLA_URL", "MLA_TOKEN", "MLA_USER", "MLA_PASSWORD", "MLA_TOKEN_FILE", "MLA_PASSWORD_FILE")


@pytest.fixture(autouse=True)
def no_log_in_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in OURS:
        monkeypatch.delenv(name, raising=False)


def now() -> datetime:
    return EPOCH + timedelta(microseconds=SystemClock().now())


def who(demo: Running, user: str = "operator") -> dict[str, str]:
    logins = dict(line.split(" ", 1) for line in (demo.data / "first-login.txt").read_text().splitlines())
    return {"url": f"http://{demo.http}", "user": user, "password": logins[user]}


@pytest.fixture(scope="module")
def ready(demo: Running) -> Running:
    """The demo, when every telescope was heard and the day before it is written."""
    eventually((demo.data / "demo.history").exists, what="a day of history")
    with mla_client.connect(**who(demo)) as client:

        def heard() -> bool:
            newest = client.last(["ast?.camera.firmware", "ast?.camera.lid", "ast?.mount.azimuth", "site.weather.*"])
            return not (newest.quality == mla_client.Quality.NEVER).any()

        eventually(heard, what="a sample of each telescope")
    return demo


@pytest.fixture
def mla(ready: Running) -> Iterator[mla_client.Client]:
    with mla_client.connect(**who(ready)) as client:
        yield client


def test_it_logs_in_by_arguments_environment_or_token(demo: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    known = who(demo)
    with mla_client.connect(**known) as client:
        assert client.me().user == "operator"
        token = client._session.token
        with mla_client.connect(known["url"], token=token) as second:
            assert second.me().role == "OPERATOR"
        assert client.me().user == "operator"  # a token that was given is not ended
    with pytest.raises(mla_client.NotLoggedIn):
        mla_client.connect(known["url"], token=token)
    for name in ("url", "user", "password"):
        monkeypatch.setenv(f"MLA_{name.upper()}", known[name])
    with mla_client.connect() as client:
        assert client.me().user == "operator"
    with mla_client.Client(known["url"]) as lazy:  # as the HMI's "copy as Python" writes it
        assert lazy.series(WIND, start="now-1h", end="now").unit == "km/h"


def test_what_keeps_it_out_is_told_at_once(demo: Running) -> None:
    with pytest.raises(mla_client.NotLoggedIn, match="wrong"):
        mla_client.connect(f"http://{demo.http}", user="nobody", password="guess")
    with pytest.raises(mla_client.ConnectionLost, match="network"):
        mla_client.connect(f"http://127.0.0.1:{free_port()}", user="x", password="y", timeout=5)


def test_points_are_found(mla: mla_client.Client) -> None:
    everything = mla.points()
    assert len(everything) > 1500
    assert len({p.name for p in everything}) == len(everything)
    assert [p.name for p in mla.points("ast?.mount.azimuth")] == [f"ast{i}.mount.azimuth" for i in range(1, 10)]
    assert WIND in [p.name for p in mla.search("win spe")]
    point = mla.point(AZIMUTH)
    assert (point.unit, point.kind, point.asset.split(".")[0]) == ("°", "DOUBLE", "ast1")
    assert point.time is not None
    assert point.time.tzinfo is UTC
    with pytest.raises(mla_client.UnknownPoint) as raised:
        mla.point("ast1.mount.azimut")
    assert raised.value.code == "UNKNOWN_POINT"
    assert AZIMUTH in raised.value.points[0].did_you_mean


def test_now_and_then(mla: mla_client.Client) -> None:
    newest = mla.last(["ast*.mount.azimuth", WIND, "ast1.camera.firmware"])
    assert len(newest) == 11
    assert newest[WIND].unit == "km/h"
    assert isinstance(newest["ast1.camera.firmware"].value, str)
    fresh = mla.last("ast*.mount.azimuth")
    assert fresh.value.dtype == np.float64
    assert fresh.to_pandas().shape == (9, 4)
    assert fresh.to_polars().height == 9
    assert newest.to_polars()["unit"].to_list()[0] == "°"
    then = mla.values_at(WIND, "now-6h")[WIND]
    assert then.time is not None
    assert then.time < now() - timedelta(hours=5)
    with pytest.raises(mla_client.UnknownPoint):
        mla.last(["no.such.point"])


def test_enumerations_are_told_by_name(mla: mla_client.Client) -> None:
    known = mla.points(kind="enum", at_most=1)[0]
    labels = {entry.value: entry.label for entry in known.labels}
    assert labels
    assert mla.last(known.name)[known.name].label in labels.values()
    day = mla.series(known.name, "now-24h")
    assert day.labels == labels
    assert day.value.dtype == np.int64
    assert set(day.text) <= set(labels.values())
    with closing(mla.live(known.name)) as live:
        assert next(live)[known.name].label in labels.values()


def test_raw_samples_come_whole_in_many_pages(mla: mla_client.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start, end = now() - timedelta(hours=12), now() - timedelta(minutes=30)
    file = mla.export(WIND, start, end, path=tmp_path / "wind.csv").path
    exported = list(csv.DictReader(file.read_text().splitlines()))
    asked = []
    send = mla._send
    monkeypatch.setattr(mla, "_send", lambda request: (asked.append(request), send(request))[1])
    monkeypatch.setattr(mla_client.read_series, "RAW_PAGE", 100)
    wind = mla.series(WIND, start, end)
    assert len(asked) > 5
    assert len(wind) == len(exported) > 500
    assert wind.value.tolist() == [float(row["value"]) for row in exported]
    assert (np.diff(wind.time) > np.timedelta64(0)).all()
    assert wind.start <= wind.time[0]
    assert wind.time[-1] < wind.end
    assert (wind.unit, wind.method, wind.kind) == ("km/h", "RAW", "DOUBLE")


def test_minmax_never_loses_a_spike(mla: mla_client.Client) -> None:
    span = (now() - timedelta(hours=10), now() - timedelta(hours=1))
    raw, drawn = mla.series(WIND, *span), mla.series(WIND, *span, buckets=50)
    assert drawn.method == "MINMAX"
    assert len(drawn) <= 100 < len(raw)
    assert (drawn.value.max(), drawn.value.min()) == (raw.value.max(), raw.value.min())
    assert set(drawn.time.tolist()) <= set(raw.time.tolist())


def test_frames_of_several_points(mla: mla_client.Client) -> None:
    found = mla.series(["ast*.mount.azimuth_motor_temperature", WIND], "now-3h", every="5m", fill="previous")
    assert len(found) == 10
    frame = found.frame()
    assert set(np.diff(frame.time).tolist()) == {timedelta(minutes=5)}
    assert frame.units[WIND] == "km/h"
    assert found.to_pandas().shape == (len(frame), 10)
    assert found.to_polars().width == 11
    assert found.to_arrow().num_rows == len(frame)
    raw = mla.series([AZIMUTH, WIND], "now-1h").frame()
    assert len(raw) > 100
    assert np.isfinite(raw[WIND]).any()


def test_every_method_answers(mla: mla_client.Client) -> None:
    for method in mla_client.read_series.METHODS[1:]:
        found = mla.series(WIND, "now-2h", resample=method.lower(), buckets=10)
        assert 5 <= len(found) <= 20, method
        assert np.isfinite(found.value.astype(float)).all()


def test_wrong_questions_are_typed(mla: mla_client.Client) -> None:
    with pytest.raises(mla_client.TooExpensive) as dear:
        mla.series(WIND, "now-365d", every="1ms", resample="minmax")
    assert dear.value.cost > dear.value.budget > 0
    with pytest.raises(mla_client.BadRequest):
        mla.series(WIND, "tomorrow")
    with pytest.raises(mla_client.BadRequest) as raised:
        mla.graphql("{ nonsense }")
    assert raised.value.code == "GRAPHQL_VALIDATION_FAILED"
    with pytest.raises(mla_client.NotFound):
        mla.document("no/such.yaml")
    assert mla.graphql("query($n: String!) { point(name: $n) { name } }", n=WIND) == {"point": {"name": WIND}}


def test_exports_of_every_format(mla: mla_client.Client, tmp_path: Path) -> None:
    end = now() - timedelta(minutes=30)
    span = (end - timedelta(hours=2), end)
    names = [f"ast{i}.mount.azimuth" for i in range(1, 10)]
    want = sum(map(len, mla.series(names, *span).values()))
    seen: list[int] = []
    paths = {
        f: mla.export("ast*.mount.azimuth", *span, path=tmp_path / f"a.{f}", progress=seen.append).path for f in mla_client.export.FORMATS
    }
    assert want > 100
    assert pq.read_table(paths["parquet"]).num_rows == want
    with pa.OSFile(str(paths["arrow"])) as file:
        assert pa.ipc.open_file(file).read_all().num_rows == want
    assert len(paths["csv"].read_text().splitlines()) == want + 1
    assert len([json.loads(line) for line in paths["jsonl"].read_text().splitlines()]) == want
    assert seen[-1] == paths[mla_client.export.FORMATS[-1]].stat().st_size
    everything = pq.read_table(mla.export("*", "now-10s", path=tmp_path / "all.parquet").path)
    assert len(set(everything.column("point").to_pylist())) > 300
    with pytest.raises(mla_client.BadRequest):
        mla.export("no.such.*", *span, path=tmp_path / "b.csv")
    with pytest.raises(mla_client.UnknownPoint):
        mla.export("no.such.point", *span, path=tmp_path / "b.csv")
    assert not [p for p in tmp_path.iterdir() if p.suffix == ".part" or p.name == "b.csv"]


def test_the_platform_and_its_configuration(mla: mla_client.Client) -> None:
    pipeline = mla.pipeline()
    assert pipeline.hops
    assert all(h.in_ >= h.out + h.lost_total for h in pipeline.hops)
    assert {"collector", "dispatcher", "hmi"} <= {s.name for s in mla.services()}
    assert "monitoring" in {s.name for s in mla.systems()}
    assert mla.services("hmi")[0].instances[0].pid > 0
    assert {s.name for s in mla.sources()} >= {"ast1.opcua", "site.opcua"}
    assert mla.archive().samples > 0
    assert mla.site().latitude != 0
    assert any(a.name == "ast9" for a in mla.assets())
    first = mla.revisions()[-1]
    assert first.number == 1
    assert mla.in_force().revision >= 1
    listed = mla.documents(revision=1)
    assert {c.path for c in mla.configuration(revision=1).children} == {d.path for d in listed}
    text = mla.document("site.yaml", revision=1)
    assert len(text.encode()) == next(d.size for d in listed if d.path == "site.yaml")
    assert {c.path for c in mla.diff(0, 1)} == {d.path for d in listed}


def test_live_values_in_a_script(mla: mla_client.Client) -> None:
    with closing(mla.live(["ast*.mount.azimuth", "ast1.camera.firmware"], max_hz=10)) as live:
        batches = list(islice(live, 4))
    assert batches[0].snapshot
    assert len(batches[0]) == 10
    assert isinstance(batches[0]["ast1.camera.firmware"].value, str)
    assert [b.seq for b in batches] == [0, 1, 2, 3]
    assert not any(b.snapshot or b.gap for b in batches[1:])
    assert all(a.server_time < b.server_time for a, b in pairwise(batches))
    assert batches[1].samples[0].unit == "°"
    with pytest.raises(mla_client.UnknownPoint):
        next(mla.live(["ast1.mount.azimut"]))


async def test_the_async_twin(ready: Running) -> None:
    async with mla_client.aconnect(**who(ready)) as mla:
        points, wind, newest = await asyncio.gather(
            mla.points("ast1.mount.*"), mla.series(WIND, "now-1h", buckets=100), mla.last(["ast*.mount.azimuth"])
        )
        assert points
        assert wind.unit == "km/h"
        assert len(newest) == 9
        seen = []
        async for batch in mla.live(["ast*.mount.azimuth"], mode="batch", max_hz=2):
            seen.append(batch)
            if len(seen) == 3:
                break
        assert seen[0].snapshot
        assert sum(map(len, seen)) > 9
        with pytest.raises(mla_client.UnknownPoint):
            await mla.point("nothing")
    mla = await mla_client.aconnect(**who(ready))
    assert (await mla.me()).user == "operator"
    await mla.aclose()


async def test_leaving_ends_what_another_task_follows(ready: Running) -> None:
    async def follow(mla: mla_client.AsyncClient, started: asyncio.Event) -> int:
        seen = 0
        async for _ in mla.live(["ast1.camera.firmware"]):
            seen += 1
            started.set()
        return seen

    async with mla_client.aconnect(**who(ready)) as mla:
        started = asyncio.Event()
        task = asyncio.create_task(follow(mla, started))
        await asyncio.wait_for(started.wait(), 60)
    assert await asyncio.wait_for(task, 60) == 1


async def test_a_broken_connection_is_made_again_and_the_gap_told(ready: Running) -> None:
    async with tcp_proxy(int(ready.http.rpartition(":")[2])) as proxy:
        known = who(ready) | {"url": f"http://127.0.0.1:{proxy.port}"}
        async with mla_client.aconnect(**known) as mla, aclosing(mla.live(["ast*.mount.azimuth"], max_hz=10)) as live:
            first = await asyncio.wait_for(anext(live), 60)
            last_heard = (await asyncio.wait_for(anext(live), 60)).server_time
            proxy.cut()
            async for batch in live:
                if batch.gap is not None:
                    break
                last_heard = batch.server_time
            assert batch.snapshot
            assert batch.points == first.points
            assert batch.gap.cause == "DISCONNECTED"
            assert batch.gap.start == last_heard
            assert batch.gap.end == batch.server_time
            missed = await mla.series(AZIMUTH, batch.gap.start, batch.gap.end)  # the archive knows what was missed
            assert missed.unit == "°"


async def test_a_session_that_ended_is_renewed_with_a_password_only(ready: Running) -> None:
    known = who(ready, "engineer")
    async with mla_client.aconnect(**known) as mla:
        async with mla_client.aconnect(known["url"], token=mla._session.token) as other:
            live, given = mla.live([AZIMUTH], max_hz=10), other.live([AZIMUTH], max_hz=10)
            await asyncio.wait_for(anext(live), 60)
            await asyncio.wait_for(anext(given), 60)
            await mla.graphql('mutation { sessionsEnd(user: "engineer") { ok } }')
            with pytest.raises(mla_client.NotLoggedIn):
                async for _ in given:
                    pass
            async for batch in live:
                if batch.gap is not None:
                    break
            assert "4403" in batch.gap.detail
        assert (await mla.me()).user == "engineer"


def test_a_script_goes_on_when_its_session_ended(ready: Running) -> None:
    with mla_client.connect(**who(ready, "engineer")) as mla, closing(mla.live([AZIMUTH], max_hz=10)) as live:
        assert next(live).snapshot
        mla.graphql('mutation { sessionsEnd(user: "engineer") { ok } }')
        renewed = next(batch for batch in live if batch.gap is not None)
        assert renewed.snapshot
        assert renewed.points == (AZIMUTH,)


async def test_it_gives_up_when_told_to(ready: Running) -> None:
    async with AsyncExitStack() as until_cut:
        proxy = await until_cut.enter_async_context(tcp_proxy(int(ready.http.rpartition(":")[2])))
        async with mla_client.aconnect(**who(ready) | {"url": f"http://127.0.0.1:{proxy.port}"}) as mla:
            live = mla.live([AZIMUTH], max_hz=10, give_up_after=0.5)
            await asyncio.wait_for(anext(live), 60)
            await until_cut.aclose()
            with pytest.raises(mla_client.ConnectionLost):
                async for _ in live:
                    pass
            with pytest.raises(mla_client.ConnectionLost):
                await mla.me()


def test_the_notebook_runs(ready: Running, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    book = json.loads((CLIENT / "examples" / "first_night.ipynb").read_text())
    assert (book["nbformat"], set(book)) == (4, {"cells", "metadata", "nbformat", "nbformat_minor"})
    assert len({c["id"] for c in book["cells"]}) == len(book["cells"])
    for name, value in who(ready).items():
        monkeypatch.setenv(f"MLA_{name.upper()}", value)
    names: dict[str, Any] = {"__name__": "__main__"}
    for cell in book["cells"]:
        assert cell["cell_type"] in ("code", "markdown")
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None)
            exec(compile("".join(cell["source"]), f"cell {cell['id']}", "exec"), names)
    said = capsys.readouterr().out
    assert "operator (operator) at" in said
    assert "strongest wind:" in said
    assert "furthest from the others: ast" in said
