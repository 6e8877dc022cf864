"""Users, sessions, roles and the slowing down of guessers."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from hmi_backend.attempts import FREE_PER_ADDRESS, LONGEST_S, Attempts
from hmi_backend.errors import ApiError, Forbidden
from hmi_backend.origins import is_same_origin
from hmi_backend.roles import Role, require
from hmi_backend.users import Users
from kernel.clock import SECOND, ManualClock
from kernel.errors import BadUsage, NotAvailable


@pytest.fixture
def users(tmp_path: Path, clock: ManualClock) -> Users:
    return Users.open(tmp_path / "users.json", clock=clock)


def test_a_password_is_checked(users: Users) -> None:
    users.add("olga", "correct horse", Role.OPERATOR)
    assert users.check("olga", "correct horse") is Role.OPERATOR
    assert users.check("olga", "wrong") is None
    assert users.check("nobody", "correct horse") is None


def test_a_second_process_sees_what_the_first_wrote(users: Users, tmp_path: Path, clock: ManualClock) -> None:
    other = Users.open(tmp_path / "users.json", clock=clock)
    users.add("olga", "correct horse", Role.ENGINEER)
    token = users.issue_token("olga", Role.ENGINEER)
    assert other.names() == {"olga": Role.ENGINEER}
    identity = other.identify(token)
    assert identity is not None
    assert identity.user == "olga"
    users.end(identity)
    other.refresh()
    assert other.ended(identity)


async def test_a_token_expires(users: Users, clock: ManualClock) -> None:
    token = users.issue_token("script", Role.VIEWER, ttl=60)
    identity = users.identify(token)
    assert identity is not None
    await clock.advance(59)
    assert users.identify(token) == identity
    await clock.advance(1)
    assert users.identify(token) is None
    assert users.ended(identity)


def test_sessions_end_with_the_user_the_role_and_the_password(users: Users) -> None:
    for change in (
        lambda: users.remove("olga"),
        lambda: users.set_role("olga", Role.VIEWER),
        lambda: users.add("olga", "other horse", Role.OPERATOR),
    ):
        users.add("olga", "correct horse", Role.OPERATOR)
        token = users.issue_token("olga", Role.OPERATOR)
        assert users.sessions("olga") == 1
        change()
        assert users.identify(token) is None


def test_what_cannot_be_is_refused(users: Users) -> None:
    with pytest.raises(BadUsage, match="8 characters"):
        users.add("olga", "short", Role.VIEWER)
    with pytest.raises(BadUsage, match="letters"):
        users.add("../etc", "long enough", Role.VIEWER)
    with pytest.raises(BadUsage, match="no user olga"):
        users.remove("olga")


@pytest.mark.parametrize("content", ["{", "[]", '{"users": {"a": {}}}', '{"users": {"a": {"role": "king", "hash": ""}}}'])
def test_a_damaged_file_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "users.json").write_text(content)
    with pytest.raises(BadUsage, match=r"users\.json is damaged"):
        Users.open(tmp_path / "users.json")


def test_roles_include_the_ones_before() -> None:
    for i, role in enumerate(Role):
        assert [role.includes(other) for other in Role] == [j <= i for j in range(len(Role))]
    with pytest.raises(Forbidden, match="engineer"):
        require(Role.OPERATOR, Role.ENGINEER, "cdbPublish")


def wait(attempts: Attempts, now: int, user: str = "olga", address: str = "10.0.0.1") -> int:
    try:
        attempts.check(user, address, now)
    except ApiError as error:
        return int((error.extensions or {})["retryAfter"])
    return 0


def test_each_failure_doubles_the_wait_up_to_a_minute() -> None:
    attempts, now, waits = Attempts(), 0, []
    for _ in range(12):
        attempts.failed("olga", "10.0.0.1", now)
        waits.append(wait(attempts, now))
        now += waits[-1] * SECOND
    assert waits[:7] == [0, 0, 1, 2, 4, 8, 16]
    assert waits[-1] == LONGEST_S


def test_others_do_not_wait_for_one_persons_failures() -> None:
    attempts = Attempts()
    for _ in range(5):
        attempts.failed("olga", "10.0.0.1", 0)
    assert wait(attempts, 0) > 0
    assert wait(attempts, 0, user="vera") == 0
    assert wait(attempts, 0, address="10.0.0.2") == 0
    attempts.succeeded("olga", "10.0.0.1")
    assert wait(attempts, 0) == 0


def test_one_address_that_tries_many_names_waits_too() -> None:
    attempts = Attempts()
    for i in range(FREE_PER_ADDRESS):
        attempts.failed(f"user{i}", "10.0.0.1", 0)
    assert wait(attempts, 0, user="new") > 0
    assert wait(attempts, 2 * 900 * SECOND, user="new") == 0


@pytest.mark.parametrize(
    ("origin", "host", "same"),
    [
        ("http://a:8080", "a:8080", True),
        ("http://a", "a", True),
        ("https://a", "a:443", True),
        ("http://a:80", "a", True),
        ("http://[::1]:8080", "[::1]:8080", True),
        ("http://a:8081", "a:8080", False),
        ("http://b", "a", False),
        ("null", "a", False),
        ("http://a.evil", "a", False),
        ("http://a", None, False),
        ("http://a:x", "a", False),
    ],
)
def test_origins(origin: str, host: str | None, same: bool) -> None:
    assert is_same_origin(origin, host) is same


def test_a_full_disk_locks_nobody_out_and_changes_no_account(users: Users, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    users.add("olga", "correct horse", Role.OPERATOR)
    early = users.issue_token("olga", Role.OPERATOR)
    ended: list[bool] = []
    users.on_end = lambda: ended.append(True)
    with monkeypatch.context() as patch:
        patch.setattr("hmi_backend.users.os.fsync", full)
        token = users.issue_token("olga", Role.OPERATOR)
        identity = users.identify(token)
        assert identity is not None
        for change in (
            lambda: users.add("otto", "battery staple", Role.ADMIN),
            lambda: users.add("olga", "another horse", Role.ADMIN),
            lambda: users.set_role("olga", Role.ADMIN),
            lambda: users.remove("olga"),
        ):
            with pytest.raises(NotAvailable, match=r"users\.json cannot be written: No space left"):
                change()
            assert users.names() == {"olga": Role.OPERATOR}
            assert users.check("olga", "correct horse") is Role.OPERATOR
        with pytest.raises(NotAvailable, match=r"sessions\.json"):
            users.end(identity)
        assert users.ended(identity)
        assert ended == [True]
        kept = users.issue_token("olga", Role.OPERATOR)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["users.json", "users.sessions.json"]
    users.issue_token("olga", Role.OPERATOR)  # there is room again
    other = Users.open(tmp_path / "users.json")
    assert other.sessions("olga") == 3
    assert other.identify(early)
    assert other.identify(kept)


def test_no_password_is_set_that_the_log_in_would_refuse(users: Users) -> None:
    with pytest.raises(BadUsage, match="at most 1024"):
        users.add("olga", "x" * 1025, Role.VIEWER)
    users.add("olga", "x" * 1024, Role.VIEWER)
