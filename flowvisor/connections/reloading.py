"""Reloading: the admin's files are read again, checked as a whole, and take effect in one turn, or not at all."""

# Strategy: reading, the proof and compiling take as long as they take, and so are a thread's, which touches nothing of
# ours; what it makes is taken over by the reactor's thread at once. One reload is under way at a time. Who asks
# meanwhile is answered by the next one, which reads what was written until then.

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Set
from datetime import datetime, timezone
from time import time
from typing import Any, Final, TypeVar

from attrs import evolve, frozen
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from flowvisor.configuration.changes import NOTHING, Changes, Differences, changes, live
from flowvisor.configuration.snapshot import Configuration
from flowvisor.connections.connections import Connections
from flowvisor.connections.keyring import Keyring
from flowvisor.errors import ConfigurationError, Problem
from flowvisor.planning.ahead import Ahead
from flowvisor.planning.allocation import Allocations
from flowvisor.planning.plan import Compiled
from flowvisor.planning.preview import Preview, preview
from flowvisor.planning.proof import prove_ahead

MAX_PROBLEMS_LOGGED: Final = 20  # of one reload; more of them are the same mistake, mostly

# What has asked for a reload.
FILES: Final = "files"
SIGNAL: Final = "signal"
REST: Final = "rest"
SCHEDULE: Final = "schedule"

RETRY_SECONDS: Final = 60.0  # after what should have begun by the clock could not

T = TypeVar("T")
InThread = Callable[[Callable[[], Any]], Deferred[Any]]


@frozen
class Outcome:
    """What a reload has come to: with an `error` nothing has changed, and `problems` say where it is.

    `revision` counts the configurations that have been in force; `changes` is what this one has changed in it.
    """

    trigger: str
    revision: int
    seconds: float
    changes: Changes = NOTHING
    error: str = ""
    problems: tuple[Problem, ...] = ()

    @property
    def is_success(self) -> bool:
        """Do the files count that were read?"""
        return not self.error


@frozen
class _Prepared:
    """What the thread has made."""

    written: Configuration
    configuration: Configuration
    changes: Changes
    keyring: Keyring
    compiled: Compiled
    changes_at: float | None


class Reloading:
    """The reloads of one running hypervisor.

    `read` reads all files to count, `peek` only to look; both raise `ConfigurationError`. `keep` keeps the allocations
    before they count.
    """

    log = Logger()

    def __init__(
        self,
        connections: Connections,
        *,
        read: Callable[[], Configuration],
        peek: Callable[[], Configuration] | None = None,
        keep: Callable[[Allocations], None],
        written: Configuration | None = None,
        in_thread: InThread = deferToThread,
        now: Callable[[], float] = time,
    ) -> None:
        """`written` is what was read at the start, of which the core has what counts at that moment."""
        self.revision = 1
        self.loaded_at = now()  # when what is in force was read, in Unix time
        self.last: Outcome | None = None
        self.not_live: tuple[str, ...] = ()  # keys of the main file that wait for the next start
        self.counts: Counter[tuple[str, str]] = Counter()  # by trigger and result
        self.slices_gone: Callable[[Set[str]], None] = _nothing  # told which are in the files no more
        self._connections = connections
        self._read = read
        self._peek = read if peek is None else peek
        self._keep = keep
        self._in_thread = in_thread
        self._now = now
        self._asked: list[tuple[str, Deferred[Outcome]]] = []
        self._is_busy = False
        self._is_stopped = False
        self._written = connections.hypervisor.configuration if written is None else written
        # When something that is written begins or ends to count, in Unix time.
        self.changes_at = _timestamp(self._written.next_change(_instant(self.loaded_at)))

    def reload(self, trigger: str = REST) -> Deferred[Outcome]:
        """Let the files count as they are now; fires with what that has come to, and never fails."""
        asked: Deferred[Outcome] = Deferred()
        self._asked.append((trigger, asked))
        if not self._is_busy:
            Deferred.fromCoroutine(self._run())
        return asked

    def tick(self) -> None:
        """About a second has passed: what has begun or ended to count meanwhile is a reload like any other."""
        if self.changes_at is not None and self._now() >= self.changes_at:
            self.changes_at = None
            self.reload(SCHEDULE)

    def plan(self, at: datetime | None = None) -> Deferred[Preview]:
        """What a reload would do now, or at a moment; fails with ConfigurationError if it would be refused."""
        instant = _instant(self._now()) if at is None else at
        return self.of_what_runs(lambda ahead: self._preview(ahead, instant))

    def of_what_runs(self, make: Callable[[Ahead], T]) -> Deferred[T]:
        """What a thread makes of what is in force now."""
        ahead = self._connections.hypervisor.ahead()
        return self._in_thread(lambda: make(ahead))

    def _preview(self, ahead: Ahead, instant: datetime) -> Preview:
        written = self._peek()
        prove_ahead(written, instant)
        return preview(ahead, written.at(instant))

    def stop(self) -> None:
        """Nothing takes effect any more."""
        self._is_stopped = True

    async def _run(self) -> None:
        self._is_busy = True
        while self._asked and not self._is_stopped:
            asked, self._asked = self._asked, []
            triggers = [trigger for trigger, _ in asked]
            # What begins by the clock begins also while somebody is in the middle of changing files.
            reads = any(trigger != SCHEDULE for trigger in triggers)
            outcome = await self._once(triggers[0], self._read if reads else lambda: self._written)
            if outcome is not None:
                for _, one in asked:
                    one.callback(outcome)
        self._is_busy = False

    async def _once(self, trigger: str, read: Callable[[], Configuration]) -> Outcome | None:
        began = self._now()
        hypervisor = self._connections.hypervisor
        ahead, keyring = hypervisor.ahead(), self._connections.keyring
        problems: tuple[Problem, ...] = ()
        error, changed = "", NOTHING
        try:
            prepared = await self._in_thread(lambda: self._prepare(ahead, keyring, read))
            if self._is_stopped:
                return None
            self._take(prepared)
            changed = prepared.changes
            self.not_live = changed.not_live
            self.loaded_at = self._now()
        except ConfigurationError as wrong:
            error, problems = str(wrong), wrong.problems
        except Exception as failure:
            self.log.failure("", event="own_error")
            self._connections.counters.own_errors += 1
            error = f"{type(failure).__name__}: {failure}"
        if error and trigger == SCHEDULE:
            self.changes_at = began + RETRY_SECONDS
        outcome = Outcome(trigger, self.revision, self._now() - began, changed, error, problems)
        self._tell(outcome)
        return outcome

    def _prepare(self, ahead: Ahead, keyring: Keyring, read: Callable[[], Configuration]) -> _Prepared:
        """In the thread."""
        written, instant = read(), _instant(self._now())
        if written is not self._written:
            prove_ahead(written, instant)
        now = written.at(instant)
        after = evolve(now, settings=live(now.settings, ahead.before.settings))
        renewed = Keyring(after, keyring)
        compiled = ahead.compile(after)
        allocated = ahead.allocated(after)
        if allocated != ahead.allocations:
            self._keep(allocated)
        return _Prepared(
            written,
            after,
            changes(ahead.before, now),
            renewed,
            compiled,
            _timestamp(written.next_change(instant)),
        )

    def _take(self, prepared: _Prepared) -> None:
        """All in one turn of the reactor."""
        connections = self._connections
        gone = self._written.slice_names - prepared.written.slice_names
        if gone:
            self.slices_gone(gone)
        self._written, self.changes_at = prepared.written, prepared.changes_at
        self.revision += prepared.changes.are_live
        effects = connections.hypervisor.reload(prepared.configuration, connections.now(), prepared.compiled)
        connections.renew(effects, prepared.keyring)

    def _tell(self, outcome: Outcome) -> None:
        self.last = outcome
        self.counts[outcome.trigger, "taken" if outcome.is_success else "refused"] += 1
        if outcome.is_success:
            self.log.info(event="reloaded", **_told(outcome))
            return
        for problem in outcome.problems[:MAX_PROBLEMS_LOGGED]:
            self.log.error(event="reload_refused", trigger=outcome.trigger, problem=str(problem))
        if not outcome.problems:
            self.log.error(event="reload_refused", trigger=outcome.trigger, problem=outcome.error)


def _nothing(slices: Set[str]) -> None:
    """Nobody wants to know."""


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)


def _timestamp(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def _told(outcome: Outcome) -> dict[str, Any]:
    """What the log says of a reload; what has not changed is not named."""
    changed = outcome.changes
    fields: dict[str, Any] = {
        "trigger": outcome.trigger,
        "revision": outcome.revision,
        "seconds": round(outcome.seconds, 3),
        **_named("slices", changed.slices),
        **_named("policies", changed.policies),
    }
    fields["settings"] = " ".join(key for key in changed.settings if key not in changed.not_live)
    fields["after_restart"] = " ".join(changed.not_live)
    return {key: value for key, value in fields.items() if value != ""}


def _named(what: str, differences: Differences) -> dict[str, str]:
    kinds = ("added", "removed", "changed")
    return {f"{what}_{kind}": " ".join(getattr(differences, kind)) for kind in kinds}
