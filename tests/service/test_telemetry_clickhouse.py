"""Events in ClickHouse: the same promises as in a table of our own, over its HTTP interface, and what happens when it fails.

By default a stand-in answers that is strict about what goes over the wire; with `-m network` the same tests ask a real ClickHouse, which
is installed for them.
"""

from __future__ import annotations

import dataclasses
import ssl
import subprocess
import threading
import venv
from pathlib import Path
from urllib.parse import quote

import pytest
import trustme
from clickhouse_front import DATABASE, PASSWORD, USER, Front, StandIn, send
from telemetry_made import EVENTS, batch, event, leads_to, receipt_of, root_of, sent

from epochly_service.errors import BusyError, ServiceError
from epochly_service.settings import DAY
from epochly_service.telemetry import batches, clickhouse
from epochly_service.telemetry.clickhouse import ClickHouseSink, Client, parse_url
from epochly_service.telemetry.collector import telemetry_of
from epochly_service.telemetry.tables import database_sink
from epochly_service.web import Edge, make_app

FRONT = Path(__file__).with_name("clickhouse_front.py")
SHORT, LONG = EVENTS["gpu"]["retention_days"], EVENTS["fault"]["retention_days"]
TODAY = 20_833


def url_of(port, scheme="clickhouse+http", password=PASSWORD):
    """Where a sink finds it."""
    return f"{scheme}://{USER}:{quote(password, safe='')}@localhost:{port}/{DATABASE}"


@pytest.fixture
def engine_name():
    """Digests lie in SQLite here; events elsewhere."""
    return "sqlite"


@pytest.fixture
def front():
    """The strict stand-in."""
    made = Front(StandIn())
    yield made
    made.close()


@pytest.fixture(scope="session")
def interpreter(tmp_path_factory):
    """An interpreter with a ClickHouse in it, in an environment of its own."""
    folder = tmp_path_factory.mktemp("chdb")
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    install = [python, "-m", "pip", "--quiet", "--disable-pip-version-check", "install", "chdb>=4.4"]
    subprocess.run(install, check=True)
    return python


@pytest.fixture(params=["stand-in", pytest.param("clickhouse", marks=pytest.mark.network)])
def port(request):
    """Where one listens that has nothing in it."""
    if request.param == "stand-in":
        yield request.getfixturevalue("front").port
        return
    command = [request.getfixturevalue("interpreter"), str(FRONT)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        yield int(running.stdout.readline())
        running.stdin.close()


@pytest.fixture
def sink(database, port):
    """A sink there."""
    made = ClickHouseSink(database, Client(parse_url(url_of(port))))
    yield made
    made.close()


def put(sink, day, body, endpoint="metrics"):
    """Keep a batch that is received on a day."""
    return sink.keep(batches.read(body, endpoint), day)


def mix(sink):
    """Batches of three days, two months and several installations."""
    for number in range(12):
        install = "ABC"[number % 3] * 16
        events = [event(asked=number % 2 == 0, n=number + 1), event("jit", outcome="gave_up", speed=number)]
        put(sink, TODAY + number % 3, batch(*events, install=install, day=20_848 + number, seq=number))
    put(sink, TODAY + 9, batch(event(asked=True)))
    put(sink, TODAY, batch(event("fault", part="cache", n=10**9)), "critical-events")


def test_counts_are_those_of_a_table_of_our_own(sink, sqlite_database):
    """The same batches give the same counts, whichever sink they went to."""
    ours = database_sink(sqlite_database)
    mix(sink)
    mix(ours)
    there, here = (sorted(map(repr, each.tally(TODAY, TODAY + 8))) for each in (sink, ours))
    assert there == here
    assert len(here) > 20


def test_a_batch_that_comes_again_counts_once(sink, database):
    """Sent again it changes nothing, also where the first time ended between the insert and the digest."""
    body = batch(event(n=5), event("worker"))
    first = put(sink, TODAY, body)
    assert put(sink, TODAY + 3, body) == dataclasses.replace(first, is_new=False)
    database.write(lambda conn: conn.exec_driver_sql("DELETE FROM telemetry_batches"))
    assert put(sink, TODAY, body) == first
    counts = [one for one in sink.tally(TODAY, TODAY + 3) if (one.event, one.field) == ("gpu", "asked")]
    assert [(one.installs, one.n) for one in counts] == [(1, 5)]


def test_each_event_is_forgotten_after_its_own_time(sink):
    """A partition goes on the day its rows are to be forgotten, and no other with it."""
    put(sink, TODAY, batch(event("gpu")))
    put(sink, TODAY, batch(event("fault")), "critical-events")

    def there():
        return {one.event for one in sink.tally(TODAY, TODAY)}

    assert sink.forget(TODAY + SHORT - 1) == 0
    assert there() == {"gpu", "fault"}
    assert (sink.overdue(TODAY + SHORT), sink.overdue(TODAY + SHORT + 1)) == (0, 1)
    assert sink.forget(TODAY + SHORT) == 1
    assert there() == {"fault"}
    assert sink.forget(TODAY + LONG) == 1
    assert there() == set()


def test_a_node_answers_as_it_does_over_its_own_tables(node, port):
    """Receipts, roots, proofs and charts, with no event in the service's database."""
    service = node.another()
    service.settings = dataclasses.replace(service.settings, telemetry_sink=url_of(port))
    wire = node.wire_to(Edge(make_app(service), node.service.rng))
    for number in range(20):
        answer = sent(wire, batch(event(asked=True), install=f"{number:016d}", day=node.now // DAY))
        assert answer.status == 200
    digest, day = receipt_of(wire, answer)["sha256"], node.now // DAY
    node.now += DAY
    telemetry_of(service).tidy()
    proof, root = wire.send("GET", f"/v1/telemetry/proofs/{digest}").json, root_of(wire, day)
    path = map(bytes.fromhex, proof["path"])
    assert leads_to(bytes.fromhex(digest), proof["index"], 20, path).hex() == root["root"]
    charts = wire.send("GET", "/v1/telemetry/charts").json["charts"]
    assert [chart["values"] for chart in charts if chart["field"] == "asked"] == [
        [{"value": True, "installs": 20, "n": 20}]
    ]
    assert node.count("telemetry_events") == 0
    assert node.count("telemetry_batches") == 20


def test_many_threads_have_a_connection_each(sink):
    """What comes at once goes at once, and nothing of it is lost or mixed up."""
    failed = []

    def work(number):
        try:
            put(sink, TODAY, batch(event(n=1), install=f"{number:016d}", seq=number))
        except Exception as error:  # noqa: BLE001 - told by the assertion
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert {one.installs for one in sink.tally(TODAY, TODAY) if one.event == "gpu"} == {8}


# --- what can go wrong: the stand-in does it


def hangs_up(handler):
    """Close without a word."""
    handler.close_connection = True


def says(status, data=b"", code=None):
    """Answer something else."""
    return lambda handler: send(handler, status, data, code)


def stays_silent(handler):
    """Answer nothing for longer than anybody waits."""
    handler.close_connection = True
    threading.Event().wait(1)


@pytest.mark.parametrize(
    "fault",
    [
        says(500, b"Code: 241. DB::Exception: Memory limit", 241),
        says(200, b"", 159),  # found out after the status was sent
        says(403, b"", 516),
        says(301, b""),
        says(503, b"<html>"),
        stays_silent,
    ],
    ids=["error", "late error", "forbidden", "redirect", "proxy", "silent"],
)
def test_a_batch_that_it_does_not_take_is_not_receipted(node, front, monkeypatch, fault):
    """The answer is 503 with a time to wait, nothing is noted, and the next try goes through."""
    monkeypatch.setattr(clickhouse, "WAIT_S", 0.2)
    service = node.another()
    service.settings = dataclasses.replace(service.settings, telemetry_sink=url_of(front.port))
    wire = node.wire_to(Edge(make_app(service), node.service.rng))
    assert sent(wire, batch(seq=1)).status == 200
    front.faults.append(fault)
    body = batch(seq=2)
    answer = sent(wire, body)
    assert (answer.status, answer.code) == (503, "MAINTENANCE")
    assert int(answer.headers["retry-after"]) > 0
    assert node.count("telemetry_batches") == 1
    assert sent(wire, body).status == 200
    assert node.count("telemetry_batches") == 2


def test_a_connection_that_was_closed_meanwhile_is_made_anew(database, front):
    """A server that ends idle connections costs no batch; one that ends every connection does."""
    sink = ClickHouseSink(database, Client(parse_url(url_of(front.port))))
    put(sink, TODAY, batch(seq=1))
    front.faults.append(hangs_up)
    assert put(sink, TODAY, batch(seq=2)).is_new
    front.faults += [hangs_up, hangs_up]
    with pytest.raises(BusyError, match="does not answer"):
        put(sink, TODAY, batch(seq=3))
    sink.close()


@pytest.mark.parametrize(
    "data", [b"{", b"\xff\n", b"[1]\n", b"x" * 3_000_000, b"[" * 100_000], ids=lambda data: str(data[:4])
)
def test_an_answer_that_is_none_is_no_count(database, front, monkeypatch, data):
    """Whatever comes in place of counts is told as a sink that is away, not as another error."""
    monkeypatch.setattr(clickhouse, "ANSWER_MAX_BYTES", 2_000_000)
    sink = ClickHouseSink(database, Client(parse_url(url_of(front.port))))
    sink.prepare(TODAY)
    front.faults.append(says(200, data))
    with pytest.raises(BusyError):
        list(sink.tally(TODAY, TODAY))
    sink.close()


def test_credentials_are_in_a_header_alone(database, front):
    """Neither an address, nor a statement, nor an error has user or password in it."""
    sink = ClickHouseSink(database, Client(parse_url(url_of(front.port))))
    put(sink, TODAY, batch())
    for path, headers, body in front.asked:
        assert headers["Authorization"].startswith("Basic ")
        for secret in (PASSWORD, quote(PASSWORD), USER):
            assert secret not in path
            assert secret.encode() not in body.replace(b"epochly", b"") or secret == USER
    wrong = ClickHouseSink(database, Client(parse_url(url_of(front.port, password="canary"))))
    with pytest.raises(BusyError) as caught:
        put(wrong, TODAY, batch())
    assert "canary" not in str(caught.value)
    assert "code 516" in str(caught.value)
    assert "canary" not in repr(parse_url(url_of(1, password="canary")))
    sink.close()
    wrong.close()


def test_https_is_believed_under_a_certificate_that_is_trusted_alone(database):
    """Over TLS a certificate of somebody else's is refused, and nothing is sent."""
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(server)
    front = Front(StandIn(), server)
    address = parse_url(url_of(front.port, "clickhouse+https"))
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    sink = ClickHouseSink(database, Client(address, trusting))
    assert put(sink, TODAY, batch(seq=1)).is_new
    before = len(front.asked)
    other = ClickHouseSink(database, Client(address))
    with pytest.raises(BusyError, match="SSLCertVerificationError"):
        put(other, TODAY, batch(seq=2))
    assert len(front.asked) == before
    sink.close()
    other.close()
    front.close()


@pytest.mark.parametrize(
    "url",
    [
        "clickhouse://localhost/x",
        "clickhouse+http://db.example/x",
        "clickhouse+https://localhost:x/y",
        "clickhouse+https://localhost:99999/y",
        "clickhouse+https:///y",
        "clickhouse+https://localhost/a-b",
        "clickhouse+https://localhost/a/b",
        "clickhouse+https://localhost/a?b=c",
        "clickhouse+https://localhost/a#b",
        "clickhouse+https://us%0Aer:x@localhost/a",
        "clickhouse+https://user:%C3%A4@localhost/a",
        "clickhouse+https://[::1/a",
    ],
)
def test_a_url_that_is_none_is_told_without_its_password(url):
    """One clear line, in which what was given does not come back."""
    with pytest.raises(ServiceError, match="hint: for example") as caught:
        parse_url(url)
    assert url not in str(caught.value)


def test_a_url_names_all_that_is_needed():
    """Host, port and database by default, or as given; user and password as they were before they were escaped."""
    assert parse_url("clickhouse+https://db.example") == clickhouse.Address(
        "db.example", 8443, "default", "default", "", tls=True
    )
    found = parse_url("clickhouse+http://a:b%2Fc@127.0.0.1:9/x")
    assert found == clickhouse.Address("127.0.0.1", 9, "x", "a", "b/c", tls=False)
