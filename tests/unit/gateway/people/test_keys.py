"""Keys, passwords, accounts and sessions, which authenticate a user."""

from __future__ import annotations

import io
import re
import threading
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import ConfigError
from gateway.http.peers import network_of
from gateway.people import passwords
from gateway.people.accounts import Account, Accounts, read_accounts, write_accounts
from gateway.people.devices import Devices
from gateway.people.keys import Keys, load_keys, make_keys, renew_keys
from gateway.people.login_throttle import (
    FORGIVEN_AFTER,
    LONGEST_PAUSE,
    LONGEST_WAIT,
    LoginThrottle,
    of_device,
    of_unknown_browser,
)
from gateway.people.passwords import PasswordHash, _scrypt, fault_of
from gateway.people.sessions import DAY, LoginSessions
from gateway.people.user import Role, User
from gateway.people.user_command import main
from gateway.whole_file import write_whole
from tests.kit.platforms import has_mode
from tests.kit.platforms import link as make_link

ONE, TWO = Keys((b"1" * 32,)), Keys((b"2" * 32,))
CHEAP = PasswordHash(10, 1, 1, b"s" * 16, b"h" * 32)  # not the hash of any password
TEXT = st.text(max_size=30)


@pytest.fixture
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes in 8 ms instead of 240, where their strength is not the subject."""
    monkeypatch.setattr(passwords, "LOG_N", 10)


@settings(deadline=None)
@given(st.lists(TEXT, max_size=4), st.lists(TEXT, max_size=4), TEXT, TEXT)
def test_no_two_parts_have_one_signature(first: list[str], second: list[str], purpose: str, other: str) -> None:
    mark = ONE.sign(purpose, *first)
    assert ONE.is_signed(mark, purpose, *first)
    assert ONE.is_signed(mark, other, *second) == ((purpose, *first) == (other, *second))
    assert not TWO.is_signed(mark, purpose, *first)


@settings(deadline=None)
@given(TEXT)
def test_nothing_else_is_a_signature(forged: str) -> None:
    assert not ONE.is_signed(forged, "session", "alice")


def test_only_the_previous_key_stays_valid(tmp_path: Path) -> None:
    path = tmp_path / "a" / "mooring.key"
    first = load_keys(path)
    mark = first.sign("session", "alice")
    renew_keys(path)
    second = load_keys(path)
    assert second.is_signed(mark, "session", "alice") and second.sign("session", "alice") != mark
    renew_keys(path)
    assert not load_keys(path).is_signed(mark, "session", "alice")


@pytest.mark.usefixtures("quick_hashes")
def test_first_user_creates_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    key, written = tmp_path / "mooring.key", []
    for name in ("alice", "bob"):
        monkeypatch.setattr("sys.stdin", io.StringIO("correct horse battery\n"))
        assert main(["add", name, "--users", str(tmp_path / "users.toml"), "--password-stdin"]) == 0
        written.append((key.read_text("ascii"), str(key) in capsys.readouterr().out))
    assert [is_printed for _, is_printed in written] == [True, False]
    assert written[0][0] == written[1][0] and has_mode(key, 0o600)


def test_gateways_that_start_together_share_one_key(tmp_path: Path) -> None:
    path = tmp_path / "mooring.key"
    barrier, found = threading.Barrier(8), []

    def begin() -> None:
        barrier.wait()
        make_keys(path)
        found.append(load_keys(path).all)

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1 and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("text", ["", "short\n", "g" * 64 + "\n", "A" * 64, "\n".join(["a" * 64] * 9)])
def test_invalid_key_file_is_reported(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mooring.key"
    write_whole(path, text.encode())
    with pytest.raises(ConfigError) as caught:
        load_keys(path)
    assert caught.value.file == path


@pytest.mark.usefixtures("quick_hashes")
def test_password_fits_only_its_own_hash() -> None:
    kept = PasswordHash.of("größer als acht")
    parsed = PasswordHash.read(kept.write())
    assert parsed == kept and "größer" not in kept.write()
    assert parsed.fits("größer als acht") and not parsed.fits("größer als acht ")
    assert PasswordHash.of("größer als acht") != kept


@pytest.mark.parametrize(
    "text",
    [
        "",
        "secret",
        "scrypt$15$8$1$AAAA$AAAA",
        "scrypt$99$8$1$" + "A" * 24 + "$" + "A" * 44,
        "scrypt$x$8$1$a$b",
        "md5$1$2$3$4$5",
    ],
)
def test_invalid_hash_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        PasswordHash.read(text)


@pytest.mark.parametrize(
    ("password", "is_fine"), [("12345678", True), ("1234567", False), ("a" * 1001, False), ("a\nbcdefgh", False)]
)
def test_short_and_odd_passwords_are_refused(password: str, is_fine: bool) -> None:
    assert (fault_of(password) == "") is is_fine


NAMES = st.from_regex(r"[a-z0-9][a-z0-9._@-]{0,20}", fullmatch=True)
ACCOUNTS = st.builds(
    Account,
    NAMES,
    st.sampled_from([None, CHEAP]),
    st.sampled_from([frozenset({Role.USE}), frozenset({Role.USE, Role.RUN})]),
    st.integers(0, 99),
    st.sampled_from(["", "0123456789abcdef"]),
)


@settings(max_examples=30, deadline=None)
@given(st.lists(ACCOUNTS, max_size=5, unique_by=lambda one: one.name))
def test_accounts_are_read_as_they_were_written(tmp_path_factory: pytest.TempPathFactory, found: list[Account]) -> None:
    path = tmp_path_factory.mktemp("users") / "users.toml"
    accounts = Accounts({one.name: one for one in found})
    write_accounts(path, accounts)
    assert read_accounts(path) == accounts and has_mode(path, 0o600)


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "[user]\nname = 'a'",
        "[[user]]",
        "[[user]]\nname = 'Alice'",
        "[[user]]\nname = '../x'",
        "[[user]]\nname = 'a'\nroles = ['god']",
        "[[user]]\nname = 'a'\nroles = []",
        "[[user]]\nname = 'a'\nepoch = -1",
        "[[user]]\nname = 'a'\nepoch = true",
        "[[user]]\nname = 'a'\npassword = 'clear'",
        "[[user]]\nname = 'a'\nshoe = 3",
        "[[user]]\nname = 'a'\nid = 3",
        "[[user]]\nname = 'a'\nid = 'short'",
        "[[user]]\nname = 'a'\n[[user]]\nname = 'a'",
        "[[other]]\nname = 'a'",
    ],
)
def test_invalid_users_file_is_reported(tmp_path: Path, text: str) -> None:
    path = tmp_path / "users.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_accounts(path)
    assert caught.value.file == path


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_users_or_a_config_error(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("any") / "users.toml"
    path.write_text(text, "utf-8", errors="surrogatepass")
    try:
        read_accounts(path)
    except ConfigError as error:
        assert error.file == path


def sessions(keys: Keys = ONE, *, is_tls: bool = False, days: int = 30) -> LoginSessions:
    """Return the sessions of a gateway."""
    return LoginSessions(keys, is_tls, 8200, days)


ALICE = Account("alice", CHEAP, epoch=3)
KNOWN = Accounts({"alice": ALICE, "bob": Account("bob", CHEAP)})


def cookie_of(written: str) -> str:
    """Return the cookie that a browser sends after a Set-Cookie."""
    return written.partition(";")[0]


def test_session_lasts_as_configured() -> None:
    cookie = cookie_of(sessions().begin(ALICE, 1_000.0))
    session = sessions().read([f"x=1; {cookie}"], KNOWN, 1_000.0 + 30 * DAY - 1)
    assert session is not None and session.account == ALICE
    assert sessions().read([cookie], KNOWN, 1_000.0 + 30 * DAY) is None
    assert not sessions().is_half_over(session, 1_000.0 + 14 * DAY)
    assert sessions().is_half_over(session, 1_000.0 + 16 * DAY)


def test_a_renewed_session_keeps_its_id() -> None:
    cookie = cookie_of(sessions().begin(ALICE, 1_000.0))
    session = sessions().read([cookie], KNOWN, 2_000.0)
    assert session is not None
    renewed = sessions().read([cookie_of(sessions().renew(session, 20 * DAY))], KNOWN, 21 * DAY)
    assert renewed is not None and renewed.id == session.id and renewed.until > session.until
    ended = LoginSessions(ONE, False, 8200, 30, {session.id}.__contains__)
    assert ended.read([cookie], KNOWN, 2_000.0) is None


def test_a_session_longer_than_allowed_is_refused() -> None:
    cookie = cookie_of(sessions(days=30).begin(ALICE, 1_000.0))
    assert sessions(days=1).read([cookie], KNOWN, 2_000.0) is None


def test_session_ends_with_its_account_not_its_name() -> None:
    first, second = Account("alice", CHEAP, id="1" * 16), Account("alice", CHEAP, id="2" * 16)
    for account in (ALICE, first):
        cookie = cookie_of(sessions().begin(account, 0.0))
        assert sessions().read([cookie], Accounts({"alice": account}), 1.0) is not None
        assert sessions().read([cookie], Accounts({"alice": second}), 1.0) is None


def test_session_ends_with_account_or_log_out_everywhere() -> None:
    cookie = cookie_of(sessions().begin(ALICE, 0.0))
    assert sessions().read([cookie], KNOWN.logged_out("alice"), 1.0) is None
    assert sessions().read([cookie], KNOWN.without("alice"), 1.0) is None


@settings(deadline=None)
@given(st.text(max_size=120))
def test_no_other_text_is_a_session(text: str) -> None:
    assert sessions().read([f"mooring-8200={text}", text], KNOWN, 0.0) is None


def test_cookie_over_tls_has_host_prefix() -> None:
    written = sessions(is_tls=True).begin(ALICE, 0.0)
    assert written.startswith("__Host-mooring=") and "Secure" in written and "Domain" not in written


def test_session_of_another_installation_is_invalid() -> None:
    assert sessions(TWO).read([cookie_of(sessions().begin(ALICE, 0.0))], KNOWN, 1.0) is None


def test_each_further_failure_waits_longer_up_to_a_bound() -> None:
    throttle, now, waits = LoginThrottle(), 0.0, []
    for _ in range(20):
        waits.append(throttle.wait(of_unknown_browser("alice", "10.0.0.7"), now))
        now += waits[-1]
        throttle.note_failure(of_unknown_browser("alice", "10.0.0.7"), now)
    assert waits[:5] == [0.0] * 5 and all(first <= second for first, second in pairwise(waits))
    assert max(waits) == LONGEST_WAIT
    assert throttle.wait(of_unknown_browser("alice", "10.0.0.7"), now + FORGIVEN_AFTER) == 0.0


def test_success_clears_only_own_failures() -> None:
    throttle = LoginThrottle()
    for _ in range(7):
        throttle.note_failure(of_unknown_browser("alice", "10.0.0.7"), 0.0)
    assert (
        throttle.wait(of_unknown_browser("bob", "10.0.0.7"), 0.0) == 0.0
        and throttle.wait(of_unknown_browser("alice", "10.0.0.8"), 0.0) == 0.0
    )
    throttle.note_success(of_unknown_browser("alice", "10.0.0.7"))
    assert throttle.wait(of_unknown_browser("alice", "10.0.0.7"), 0.0) == 0.0


def test_successful_logins_delay_no_one() -> None:
    throttle = LoginThrottle()
    for at in range(500):
        assert throttle.wait(of_unknown_browser("alice", "10.0.0.7"), at) == 0.0
        throttle.note_failure(of_unknown_browser("alice", "10.0.0.7"), at)
        throttle.note_success(of_unknown_browser("alice", "10.0.0.7"))


def test_counts_by_address_and_by_name_wait_too() -> None:
    throttle = LoginThrottle()
    for number in range(60):
        throttle.note_failure(of_unknown_browser(f"user{number}", "10.0.0.7"), 0.0)
        throttle.note_failure(of_unknown_browser("alice", f"10.0.1.{number}"), 0.0)
    assert (
        throttle.wait(of_unknown_browser("somebody", "10.0.0.7"), 0.0) > 0
        and throttle.wait(of_unknown_browser("alice", "10.0.2.2"), 0.0) > 0
    )


def test_number_of_counters_is_bounded() -> None:
    throttle = LoginThrottle(most=30)
    for number in range(1_000):
        throttle.note_failure(of_unknown_browser(f"user{number}", f"10.1.{number // 250}.{number % 250}"), 0.0)
    assert len(throttle._failures) <= 30


def test_known_browser_is_counted_separately() -> None:
    throttle, own = LoginThrottle(), of_device("1" * 32)
    for number in range(200):
        throttle.note_failure(of_unknown_browser("alice", f"10.0.{number}.7"), 0.0)
    assert (
        throttle.wait(of_unknown_browser("alice", "10.1.0.7"), 0.0) == LONGEST_WAIT and throttle.wait(own, 0.0) == 0.0
    )
    for _ in range(200):
        throttle.note_failure(own, 0.0)
    assert throttle.wait(own, 0.0) == LONGEST_PAUSE and throttle.wait(of_device("2" * 32), 0.0) == 0.0
    throttle.note_success(own)
    assert throttle.wait(own, 0.0) == 0.0


def test_unchecked_attempt_does_not_count() -> None:
    throttle, keys = LoginThrottle(), of_unknown_browser("alice", "10.0.0.7")
    for _ in range(100):
        throttle.note_failure(keys, 0.0)
        throttle.note_unjudged(keys)
    assert throttle.wait(keys, 0.0) == 0.0 and not throttle._failures


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("10.0.0.7", "10.0.0.7"),
        ("::ffff:10.0.0.7", "10.0.0.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_an_ipv6_network_counts_as_one_address(address: str, network: str) -> None:
    assert network_of(address) == network


def test_a_device_cookie_is_of_one_account_and_one_installation() -> None:
    devices, bob = Devices(ONE, False, 8200), KNOWN.by_name["bob"]
    cookie = cookie_of(devices.write(ALICE, "", 0.0))
    known = devices.read([f"x=1; {cookie}"], ALICE, 1.0)
    assert re.fullmatch("[0-9a-f]{32}", known)
    assert devices.read([cookie_of(devices.write(ALICE, known, 5.0))], ALICE, 6.0) == known
    value = cookie.partition("=")[2]
    as_bob = cookie_of(devices.write(bob, "", 0.0)).partition("=")[0] + "=" + value
    assert devices.read([as_bob], bob, 1.0) == "" and devices.read([cookie], ALICE, 181 * DAY) == ""
    assert Devices(TWO, False, 8200).read([cookie], ALICE, 1.0) == ""
    assert devices.read([cookie], replace(ALICE, id="1" * 16), 1.0) == ""
    assert Devices(ONE, True, 8200).write(ALICE, "", 0.0).startswith("__Secure-mooring-device-")


def test_an_older_hash_still_fits_and_is_weak() -> None:
    older = PasswordHash(15, 8, 1, b"s" * 16, _scrypt("correct horse", 15, 8, 1, b"s" * 16))
    assert older.is_weak and older.fits("correct horse") and not older.fits("correct house")
    newer = PasswordHash.of("correct horse")
    assert (newer.log_n, newer.r, newer.p) == (15, 8, 3) and not newer.is_weak


def test_a_linked_users_file_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    real, link = tmp_path / "shared" / "users.toml", tmp_path / "users.toml"
    write_accounts(real, Accounts({}))
    make_link(link, real)
    write_accounts(link, KNOWN)
    assert link.is_symlink() and read_accounts(real) == KNOWN


@pytest.mark.usefixtures("quick_hashes")
def test_readded_account_is_another_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    users, found = tmp_path / "users.toml", []
    for action in ("add", "password", "remove", "add"):
        monkeypatch.setattr("sys.stdin", io.StringIO("correct horse battery\n"))
        assert main([action, "alice", "--users", str(users), "--password-stdin"]) == 0
        found.append(read_accounts(users).get("alice"))
    ids = [account.id if account is not None else "" for account in found]
    assert ids[0] == ids[1] != ids[3] and ids[2] == "" and all(ids[number] for number in (0, 3))


ID = st.sampled_from(["", "1" * 16, "2" * 16])


@settings(deadline=None)
@given(TEXT, TEXT, NAMES, ID, ID)
def test_new_account_has_no_access_to_earlier_account(
    server: str, prompt: str, name: str, before: str, now: str
) -> None:
    one, two = User(name, keys=ONE, account_id=before), User(name, keys=ONE, account_id=now)
    same = before == now
    assert two.owns(server, prompt, {"mooring": one.mark(server, prompt)}) is same
    assert two.has_upload(f"{one.folder}/x.png") is same
    assert (one.store == two.store) is same and (one.client_id("w") == two.client_id("w")) is same


@settings(deadline=None)
@given(TEXT, TEXT, NAMES, NAMES)
def test_mark_is_valid_for_one_user_only(server: str, prompt: str, name: str, other: str) -> None:
    one, two = User(name, keys=ONE), User(other, keys=ONE)
    extra = {"mooring": one.mark(server, prompt)}
    assert one.owns(server, prompt, extra)
    assert two.owns(server, prompt, extra) is (name == other)
    assert not one.owns(f"{server}x", prompt, extra) and not one.owns(server, f"{prompt}x", extra)


@pytest.mark.parametrize(
    "extra", [None, {}, [], {"mooring": None}, {"mooring": ["x"]}, {"mooring": ""}, {"mooring": "ä"}]
)
def test_prompt_without_mark_has_no_owner(extra: object) -> None:
    assert not User("alice", keys=ONE).owns("a", "p", extra)
