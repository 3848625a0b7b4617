"""A lock that two runs on one output cannot both hold, on one machine or on a share."""

from __future__ import annotations

import json
import os
import platform
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from xrayscan.errors import LockedError, XrayscanError
from xrayscan.journal.atomic import unwritable

SUFFIX = ".lock"
HEARTBEAT_S = 15.0
# A lock without a heartbeat for so long is of a process that is no more: twenty in a row missed,
# more than shares keep file times from being seen (a minute by default, NFS).
STALE_AFTER_S = 300.0
_POLL_S = 1.0


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock.

    Attributes:
        token: of this one lock.
        host: the machine's name.
        system: its start and its process numbers' scope; processes can be looked up within it.
        pid: process number.
        since: UTC, ISO 8601, by the holder's clock.
    """

    token: str
    host: str
    system: str
    pid: int
    since: str


@contextmanager
def locked(
    path: Path, wait_s: float = 0.0, say: Callable[[str], None] = lambda words: None
) -> Iterator[Callable[[], None]]:
    """Hold a lock while the context lasts.

    It is a file made by exclusive creation, whose time is set anew every ``HEARTBEAT_S``. One that
    is left over, of a dead process of this machine or without a heartbeat for ``STALE_AFTER_S``, is
    taken over. Ages are told by the file server's clock alone.

    Args:
        path: the lock file.
        wait_s: seconds to wait for another run to end.
        say: told in a sentence when a left-over lock is taken over.

    Yields:
        A check that the lock is still held, which raises XrayscanError where another run has taken
        it over, as happens to a machine that was suspended.

    Raises:
        LockedError: another run holds it.
        XrayscanError: it cannot be written.
    """
    mine = _myself()
    _acquire(path, mine, wait_s, say)
    ended = threading.Event()
    heart = threading.Thread(target=_beat, args=(path, mine, ended), daemon=True, name="heartbeat")
    heart.start()
    try:
        yield lambda: _check(path, mine)
    finally:
        ended.set()
        heart.join()
        if _holder(path) == mine:
            with suppress(OSError):
                path.unlink()


def _myself() -> Holder:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return Holder(secrets.token_hex(8), socket.gethostname(), _system(), os.getpid(), now)


def _system() -> str:
    """What process numbers are of: this start of this machine, and this container of it."""
    parts = []
    with suppress(OSError):  # not on Linux
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return " ".join([platform.node(), *parts])


def _acquire(path: Path, mine: Holder, wait_s: float, say: Callable[[str], None]) -> None:
    until = time.monotonic() + wait_s
    while not _create(path, mine):
        if _take_over(path, mine, say):
            return
        remaining = until - time.monotonic()
        if remaining <= 0:
            raise LockedError(f"{path}: {_words(path)}; wait for it, or give --lock-wait SECONDS")
        time.sleep(min(_POLL_S, remaining))


def _create(path: Path, mine: Holder) -> bool:
    """Make the lock file; False where there is one."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("x", encoding="utf-8")
    except FileExistsError:
        return False
    except OSError as fault:
        raise unwritable(path, fault) from fault
    try:
        with file:
            json.dump(asdict(mine), file)
            file.flush()
            os.fsync(file.fileno())
    except OSError as fault:
        with suppress(OSError):  # the disk is full: a lock of nobody helps nobody
            path.unlink()
        raise unwritable(path, fault) from fault
    return True


def _holder(path: Path) -> Holder | None:
    """Read who holds the lock; None where there is none, or none that says so."""
    try:
        return Holder(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, TypeError, ValueError):
        return None


def _take_over(path: Path, mine: Holder, say: Callable[[str], None]) -> bool:
    """Replace a left-over lock by one's own; one run at a time, so that no fresh one is lost."""
    if not _is_left_over(path):
        return False
    turn = path.with_name(f"{path.name}.turn")
    try:
        turn.open("x").close()
    except FileExistsError:
        _drop_left_over_turn(turn)
        return False
    except OSError as fault:
        raise unwritable(turn, fault) from fault
    try:
        if not _is_left_over(path):  # another run was faster
            return False
        words = _words(path)
        fresh = path.with_name(f"{path.name}.{mine.token}")
        _create(fresh, mine)
        fresh.replace(path)
    except OSError as fault:
        raise unwritable(path, fault) from fault
    finally:
        with suppress(OSError):
            turn.unlink()
    say(f"{path}: {words} and has ended; taken over")
    return True


def _drop_left_over_turn(turn: Path) -> None:
    """A run that died while it took over must not keep the others from it for ever."""
    with suppress(OSError):
        if _age(turn) > STALE_AFTER_S:
            turn.unlink()


def _is_left_over(path: Path) -> bool:
    holder = _holder(path)
    try:
        if holder is not None and holder.system == _system() and not _is_alive(holder.pid):
            return True
        # another process may have been given the same number since
        return _age(path) > STALE_AFTER_S
    except FileNotFoundError:
        return False
    except OSError as fault:
        raise unwritable(path, fault) from fault


def _is_alive(pid: int) -> bool:
    if os.name != "posix":  # where asking would end it
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # of another user
        return True
    # a zombie holds nothing; nobody has taken note of its end yet
    with suppress(OSError):
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state not in ("Z", "X")
    return True


def _age(path: Path) -> float:
    """Seconds since the last heartbeat, by the clock that file times there are of."""
    probe = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    probe.open("x").close()
    try:
        return probe.stat().st_mtime - path.stat().st_mtime
    finally:
        probe.unlink()


def _words(path: Path) -> str:
    holder = _holder(path)
    if holder is None:
        return "another run holds the lock"
    return f"run {holder.pid} on {holder.host} holds the lock since {holder.since}"


def _beat(path: Path, mine: Holder, ended: threading.Event) -> None:
    while not ended.wait(HEARTBEAT_S):
        with suppress(OSError):  # the share is away: what is written next will say so
            if _holder(path) == mine:
                os.utime(path)


def _check(path: Path, mine: Holder) -> None:
    holder = _holder(path)
    if holder != mine:
        who = f"run {holder.pid} on {holder.host}" if holder else "somebody"
        raise XrayscanError(
            f"{path}: {who} has taken the lock over; what was finished is in the journal, "
            "this run ends"
        )
