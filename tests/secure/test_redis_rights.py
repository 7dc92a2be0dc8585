"""What each role may do in Redis, and that it may do nothing else. The commands are sent, by each role in turn."""

import re

import pytest
import redis
from redis.backoff import NoBackoff
from redis.exceptions import NoPermissionError
from redis.retry import Retry

from tests.secure.redis_server import ADMIN, ROLES, USERS_FILE, SecureRedis

PROFILE, MEMBERSHIP, CONSENT = "{p00}:s:default:u", "{p00}:m:default:u", "{p00}:c:default:u"
SNAPSHOTS, TRAINING = "{tranche:catalog}:snapshots:m", "{tranche:catalog}:training:m"
TRAININGS, TRAINER, MOVES = (f"{{tranche:catalog}}:{name}" for name in ("trainings", "trainer", "moves:m"))
LOG, END, HOOK = "{p00}:log", "{p00}:end", "{p00}:hook:crm"
APPEND = "redis.call('XADD', KEYS[1], '*', 'k', 'v') return redis.call('SET', KEYS[2], 5)"
STORE = """
for index = 1, 4 do redis.call('HSET', KEYS[index], '1', 'x') end
redis.call('HDEL', KEYS[2], '1')
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[5], 'x')
"""
WRITE_A_PROFILE = f"return redis.call('SET', '{PROFILE}', 'forged')"
READ_A_PROFILE = f"return redis.call('GET', '{PROFILE}')"
LIBRARY = "#!lua name=forged\nredis.register_function('f', function() return 1 end)"

# Only what a role must be able to do at the least; that it can do all of its work is another test's.
ALLOWED = {
    "worker": [
        ("SET", PROFILE, "x"),
        ("SET", MEMBERSHIP, "x"),
        ("GET", CONSENT),
        ("SET", "{p00}:wm", 7),
        ("XADD", LOG, "*", "k", "v"),
        ("XADD", "tranche:dead-letters", "*", "k", "v"),
        ("HGET", "tranche:catalog", "version"),
        ("HGET", SNAPSHOTS, "1"),
        ("GET", TRAINER),
        ("XADD", "{p00}:samples", "*", "k", "v"),
        ("INFO", "memory"),
        ("EVAL", "return redis.call('SET', KEYS[1], 'x')", 1, PROFILE),
    ],
    "api": [
        ("MGET", PROFILE, MEMBERSHIP, CONSENT, "{p00}:wm"),
        ("SET", CONSENT, "x"),
        ("DEL", CONSENT),
        ("HSET", "tranche:catalog", "version", "0"),
        ("SET", "{tranche:catalog}:history-turn", "x"),
        ("HDEL", "{tranche:catalog}:lists", "x"),
        ("SET", "tranche:partitions", 1, "NX"),
        ("XADD", LOG, "*", "k", "v"),
        ("EVAL", "return redis.call('GET', KEYS[1])", 1, PROFILE),
        ("EVAL", APPEND, 2, LOG, END),
    ],
    "collector": [("EVAL", APPEND, 2, LOG, END), ("XLEN", LOG), ("MGET", END), ("GET", "tranche:partitions")],
    "trainer": [
        ("EVAL", STORE, 5, TRAINING, SNAPSHOTS, TRAININGS, "tranche:catalog", MOVES),
        ("GET", MOVES),
        ("HSET", TRAININGS, "m", ""),
        ("HKEYS", SNAPSHOTS),
        ("HGET", SNAPSHOTS, "1"),
        ("HMGET", TRAINING, "definition", "offset"),
        ("HMGET", "tranche:catalog", "version", "document"),
        ("SET", TRAINER, "x"),
        ("MGET", "{p00}:samples-end"),
        ("XRANGE", "{p00}:samples", "-", "+"),
        ("INFO", "memory"),
    ],
    "webhooks": [("SET", HOOK, 1), ("GET", HOOK), ("XRANGE", "{p00}:changes", "-", "+"), ("GET", "{p00}:changes-end")],
}

ON_ITS_WAY = {"worker": PROFILE, "api": PROFILE, "collector": END, "trainer": "{p00}:samples-end", "webhooks": HOOK}

NOBODY = [
    ("FLUSHALL",),
    ("FLUSHDB",),
    ("KEYS", "*"),
    ("CONFIG", "GET", "*"),
    ("CONFIG", "SET", "maxmemory", "1"),
    ("ACL", "LIST"),
    ("ACL", "SETUSER", "default", "on"),
    ("SLOWLOG", "RESET"),
    ("SHUTDOWN", "NOSAVE"),
    ("MONITOR",),
    ("REPLICAOF", "127.0.0.1", "1"),
    ("MODULE", "LIST"),
    ("SCRIPT", "FLUSH"),
    ("FUNCTION", "LOAD", LIBRARY),
    ("FUNCTION", "FLUSH"),
    ("CLIENT", "KILL", "TYPE", "normal"),
    ("MIGRATE", "127.0.0.1", "1", PROFILE, "0", "5"),
    ("RESTORE", PROFILE, "0", "x"),
    ("PUBLISH", "channel", "x"),
    ("SUBSCRIBE", "channel"),
    ("SET", "anything", "x"),
    ("GET", "anything"),
]

REFUSED = {
    "worker": [
        ("HSET", "tranche:catalog", "version", "9"),
        ("SET", CONSENT, "x"),
        ("DEL", CONSENT),
        ("GET", HOOK),
        ("SET", HOOK, 1),
        ("HGETALL", "{tranche:catalog}:lists"),
        ("HSET", SNAPSHOTS, "1", "x"),
        ("HGETALL", TRAINING),
        ("SET", TRAINER, "x"),
        ("EVAL", "return redis.call('DEL', KEYS[1])", 1, CONSENT),
    ],
    "api": [
        ("SET", PROFILE, "x"),
        ("SET", MEMBERSHIP, "x"),
        ("DEL", PROFILE),
        ("UNLINK", MEMBERSHIP),
        ("EXPIRE", PROFILE, "1"),
        ("RENAME", PROFILE, CONSENT),
        ("COPY", CONSENT, PROFILE),
        ("SET", "{p00}:wm", 0),
        ("SET", "{p00}:turn", "x"),
        ("DEL", "tranche:partitions"),
        ("EXPIRE", "tranche:partitions", "1"),
        ("ZADD", "{p00}:users", "1", "x"),
        ("ZREM", "{p00}:users", "x"),
        ("HSET", "{p00}:sizes", "1", "1"),
        ("XTRIM", LOG, "MAXLEN", "0"),
        ("DEL", LOG),
        ("DEL", END),
        ("SET", HOOK, 1),
        ("XDEL", "tranche:dead-letters", "1-1"),
        ("XRANGE", "tranche:dead-letters", "-", "+"),
        ("EVAL", "return redis.call('SET', KEYS[1], 'forged')", 1, PROFILE),
        ("EVAL", WRITE_A_PROFILE, 0),
        ("EVAL", WRITE_A_PROFILE, 1, CONSENT),
    ],
    "collector": [
        ("GET", PROFILE),
        ("SET", PROFILE, "x"),
        ("MGET", END, PROFILE),
        ("GET", CONSENT),
        ("XRANGE", LOG, "-", "+"),
        ("XREAD", "STREAMS", LOG, "0"),
        ("XTRIM", LOG, "MAXLEN", "0"),
        ("DEL", LOG),
        ("SET", LOG, "x"),
        ("DEL", END),
        ("SET", "tranche:partitions", 1),
        ("HGETALL", "tranche:catalog"),
        ("XADD", "tranche:dead-letters", "*", "k", "v"),
        ("XADD", "{p00}:changes", "*", "k", "v"),
        ("EVAL", READ_A_PROFILE, 1, LOG),
        ("EVAL", WRITE_A_PROFILE, 1, LOG),
        ("EVAL", "return 1", 1, PROFILE),
        ("SCAN", "0"),
        ("RANDOMKEY",),
        ("INFO",),
    ],
    "trainer": [
        ("GET", PROFILE),
        ("SET", PROFILE, "x"),
        ("GET", CONSENT),
        ("XRANGE", LOG, "-", "+"),
        ("XADD", "{p00}:samples", "*", "k", "v"),
        ("XTRIM", "{p00}:samples", "MAXLEN", "0"),
        ("SET", "{p00}:samples-end", "0"),
        ("DEL", "tranche:catalog"),
        ("HGETALL", "{tranche:catalog}:lists"),
        ("SET", "tranche:partitions", 1),
        ("XADD", "tranche:dead-letters", "*", "k", "v"),
        ("EVAL", READ_A_PROFILE, 0),
        ("EVAL", "return 1", 1, PROFILE),
        ("SCAN", "0"),
    ],
    "webhooks": [
        ("GET", PROFILE),
        ("GET", MEMBERSHIP),
        ("XRANGE", LOG, "-", "+"),
        ("XADD", "{p00}:changes", "*", "k", "v"),
        ("XTRIM", "{p00}:changes", "MAXLEN", "0"),
        ("SET", "{p00}:changes-end", "0"),
        ("SET", "tranche:partitions", 1),
        ("HGETALL", "tranche:catalog"),
        ("EVAL", "return 1", 0),
        ("SCAN", "0"),
        ("INFO",),
    ],
}

Command = tuple[str | int, ...]


@pytest.fixture(autouse=True)
def stored(secure: SecureRedis) -> None:
    """Something to lose."""
    with secure.client(ADMIN) as client:
        client.flushall()
        client.mset({PROFILE: "kept", MEMBERSHIP: "kept", CONSENT: "kept", END: 1, HOOK: 1, "tranche:partitions": 1})
        client.xadd(LOG, {"k": "kept"})
        client.xadd("{p00}:changes", {"k": "kept"})


@pytest.mark.parametrize("role", ROLES)
def test_a_role_can_do_what_is_its_own(secure: SecureRedis, role: str) -> None:
    with secure.client(role) as client:
        for command in ALLOWED[role]:
            client.execute_command(*command)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_can_follow_a_key_of_its_own_that_is_on_its_way_to_another_node(
    secure_cluster: SecureRedis, role: str
) -> None:
    with secure_cluster.client(ADMIN) as client:
        client.flushall()
        client.set(ON_ITS_WAY[role], "kept")
    with secure_cluster.client(role) as client:  # a redirect is followed by these two, on one connection
        assert client.execute_command("ASKING") is True
        assert client.get(ON_ITS_WAY[role]) == b"kept"


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_refused_what_is_not_its_own(secure: SecureRedis, role: str) -> None:
    before = everything(secure)
    with secure.client(role) as client:
        assert [command for command in [*REFUSED[role], *NOBODY] if not refused(client, command)] == []
    assert everything(secure) == before


def test_no_role_is_refused_a_command_for_another_reason_than_its_rights(secure: SecureRedis) -> None:
    """Those that do no harm are well-formed: somebody with every right is not refused them."""
    harmless = {command for role in ROLES for command in [*ALLOWED[role], *REFUSED[role]]}
    with secure.client(ADMIN) as client:
        assert [command for command in sorted(harmless, key=repr) if refused(client, command)] == []


@pytest.mark.parametrize(("name", "password"), [("default", ""), ("default", "x"), ("tranche-worker", "wrong")])
def test_nobody_comes_in_by_the_default_user_or_a_wrong_password(secure: SecureRedis, name: str, password: str) -> None:
    where = f"rediss://{name}:{password}@127.0.0.1:{secure.port}"
    options = {"ssl_ca_certs": str(secure.authority.ca), "retry": Retry(NoBackoff(), 0)}
    with redis.Redis.from_url(where, **options) as client, pytest.raises(redis.AuthenticationError):
        client.ping()


def test_the_users_that_are_delivered_have_no_password_to_begin_with() -> None:
    text = USERS_FILE.read_text()
    assert not re.search(r"[ (](>|#|nopass)", text)


def refused(client: "redis.Redis", command: Command) -> bool:
    """Whether it is refused for want of rights."""
    try:
        client.execute_command(*command)  # type: ignore[no-untyped-call]
    except NoPermissionError:
        return True
    except redis.ResponseError as error:  # other complaints, such as that there is no such key; or from a script
        return "The user executing the script can't" in str(error)
    return False


def everything(secure: SecureRedis) -> dict[bytes, object]:
    with secure.client(ADMIN) as client:
        return {name: client.dump(name) for name in client.scan_iter()}
