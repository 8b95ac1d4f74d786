"""Mutants that survive, and why that is right: their change has no visible effect, or changes an arbitrary number.

A mutant is known by its file, its function and what it changes, not by its line. Those that are judged are tried only
if `--judged` asks for it.
"""

from __future__ import annotations

from tests.mutants.operators import Place

SESSION = "app/session"

A_CHOICE = "a number that is a choice: no promise hangs on its last unit, and tests take it from here"

CHOICES = {  # numbers at a module's own level, by file; some test may notice one or the other
    "app/core/truth.py": ("3.0 is 4.0 in: LOST_GAP = 3.0",),
    f"{SESSION}/submitting/capability.py": ("8 is 9 in: KEPT = 8",),
    f"{SESSION}/watching/socket.py": (
        "15.0 is 16.0 in: OPEN_DEADLINE = 15.0",
        "30.0 is 31.0 in: GREETING_DEADLINE = 30.0",
        "2.0 is 3.0 in: BRIEFLY = 2.0",
        "5.0 is 6.0 in: GRACE = 5.0",
        "0.5 is 1.5 in: FIRST_BACKOFF = 0.5",
        "30.0 is 31.0 in: LONGEST_BACKOFF = 30.0",
        "8 is 9 in: USUAL_RATE = 8",
        "5.0 is 6.0 in: UNTIL_REPORTED = 5.0",
    ),
    f"{SESSION}/windows.py": ("5.0 is 6.0 in: MEND = 5.0",),
    f"{SESSION}/waiting/file_feed.py": (
        "192 is 193 in: ROOM = 192 * 1024 * 1024",
        "1024 is 1025 in: ROOM = 192 * 1024 * 1024",
        "1000 is 1001 in: MOST_AHEAD = 1000",
        "16 is 17 in: GROUP = 16",
        "32 is 33 in: GROUP_BYTES = 32 * 1024 * 1024",
        "1024 is 1025 in: GROUP_BYTES = 32 * 1024 * 1024",
        "5.0 is 6.0 in: REST = 5.0",
        "2000000 is 2000001 in: MOST_REMEMBERED = 2000000",
    ),
    f"{SESSION}/submitting/named_files.py": (
        "10.0 is 11.0 in: FRESH = 10.0",
        "1.0 is 2.0 in: AT_SUBMIT = 1.0",
        "2000 is 2001 in: MOST_KNOWN = 2000",
    ),
    f"{SESSION}/delivery/deliver.py": ("1.0 is 2.0 in: FIRST_PAUSE = 1.0", "60.0 is 61.0 in: LONGEST_PAUSE = 60.0"),
    f"{SESSION}/submitting/editor_files.py": ("30000000 is 30000001 in: LARGEST = 30000000",),
    f"{SESSION}/watching/forecast.py": (
        "0.25 is 1.25 in: OFTEN = 0.25",
        "1.0 is 2.0 in: EVERY = 1.0",
        "30.0 is 31.0 in: OLD = 30.0",
    ),
    f"{SESSION}/waiting/worker.py": (
        "2.0 is 3.0 in: FIRST_REST = 2.0",
        "120.0 is 121.0 in: LONGEST_REST = 120.0",
        "10.0 is 11.0 in: LONGEST_WHILE_BUSY = 10.0",
    ),
    f"{SESSION}/watching/fleet_follower.py": ("2.0 is 3.0 in: FLEET_RETRY = 2.0",),
    f"{SESSION}/watching/deafness.py": (
        "4.0 is 5.0 in: REPORTS_WITHIN = 4.0",
        "60.0 is 61.0 in: FIRST_SILENCE = 60.0",
        "1800.0 is 1801.0 in: LONGEST_SILENCE = 1800.0",
    ),
    f"{SESSION}/delivery/results.py": ("8 is 9 in: MOST_FRESH = 8",),
    f"{SESSION}/live.py": ("20 is 21 in: MOST_VISITED = 20",),
    f"{SESSION}/delivery/last_previews.py": ("1.0 is 2.0 in: FIRST_PAUSE = 1.0", "5.0 is 6.0 in: PAUSE = 5.0"),
    f"{SESSION}/submitting/remote_choices.py": ("8.0 is 9.0 in: DEADLINE = 8.0",),
    f"{SESSION}/memory/private.py": ("1000000000 is 1000000001 in: MOST = 1000000000",),
    f"{SESSION}/memory/database.py": (
        "256 is 257 in: INPUTS_BOUND = 256 * 1024 * 1024",
        "1024 is 1025 in: INPUTS_BOUND = 256 * 1024 * 1024",
    ),
    f"{SESSION}/report.py": ("1 is 2 in: REPORT_VERSION = 1",),
    f"{SESSION}/salvage.py": (
        "50 is 51 in: MOST_TIDIED = 50",
        "60.0 is 61.0 in: SURELY = 60.0",
        "24 is 25 in: OLD = 24 * 3600.0",
        "3600.0 is 3601.0 in: OLD = 24 * 3600.0",
        "3.0 is 4.0 in: RELOAD_TAKES = 3.0",
    ),
    f"{SESSION}/submitting/reservations.py": ("5.0 is 6.0 in: FLEET_WAIT = 5.0", "3 is 4 in: RESERVE_TRIES = 3"),
    f"{SESSION}/memory/sandbox.py": ("0.02 is 1.02 in: LONGEST_SLEEP = 0.02",),
    f"{SESSION}/journal_writer.py": ("5.0 is 6.0 in: PAUSE = 5.0", "12 is 13 in: DEEPEST = 12"),
    f"{SESSION}/selfcheck.py": ("10.0 is 11.0 in: PATIENCE = 10.0",),
    f"{SESSION}/session.py": (
        "64 is 65 in: INPUT_KEPT = 64 * 1024 * 1024",
        "1024 is 1025 in: INPUT_KEPT = 64 * 1024 * 1024",
    ),
    f"{SESSION}/submitting/submit.py": (
        "2.0 is 3.0 in: WRITE_RETRY = 2.0",
        "3.0 is 4.0 in: CONTACT_DEADLINE = 3.0",
        "5.0 is 6.0 in: SLEPT_OVER = 5.0",
    ),
    f"{SESSION}/watching/watch.py": (
        "20 is 21 in: MOST_ENDED = 20",
        "0.7 is 1.7 in: FIRST_PAUSE = 0.7",
        "1.4 is 2.4 in: GROWTH = 1.4",
        "5.0 is 6.0 in: LONGEST_PAUSE = 5.0",
        "5.0 is 6.0 in: SOCKET_PAUSE = 5.0",
        "4.0 is 5.0 in: SOCKET_IS_FRESH = 4.0",
        "20.0 is 21.0 in: LONGEST_SILENCE = 20.0",
    ),
}

_REST = "pause *= 0.75 + 0.5 * self._state.ports.random.fraction()"
_SPREAD = "by how much looks are spread, so that windows do not look all at once, is a choice"
_GROWTH = "how fast the pauses grow is a choice"
_DISTINGUISHED = "rests are distinguished by their numbers, however far apart these are"
_ONCE_EACH = "it saves looking twice: each task is laid by under its own lock, and once"
_COMPARED = "such numbers are compared with each other, wherever they begin and however far apart they are"
_NO_CHOICE = "a moored window has one server: nothing is drawn between equals"
_IN_BROWSER = "only a browser runs it, and a test under Python 3.12 and later"
_PLACES = "places are compared with each other, wherever they begin"
_LOG_ONLY = "the name of work in the background: only a log shows it"

JUDGED: dict[tuple[str, str, str], str] = {  # (file, function, what is changed): why it has no visible effect
    (
        "app/core/truth.py",
        "judge",
        "False is True in: return _ended(task, TaskState.GIVEN_UP, at, proven=False, note=Note(at, 'given_up'))",
    ): "what is given up is final, proven or not",
    (
        f"{SESSION}/salvage.py",
        "Salvage._tidy",
        "now - self._gone.get(task.owner, now) > SURELY",
    ): "a window that is gone for exactly that long is as gone on either side",
    (
        f"{SESSION}/salvage.py",
        "Salvage._tidy",
        "now - ended_at(task) > OLD",
    ): "what is exactly that old is as old on either side",
    (
        f"{SESSION}/salvage.py",
        "Salvage._tidy",
        "True is False in: await self._past.lay_by_of_gone((task for task in settled if now - self._gone.get(task....",
    ): "whose window was not asked after: anything but None says so",
    (
        f"{SESSION}/watching/socket.py",
        "WindowSocket.__init__",
        "0 is 1 in: self._serial = 0",
    ): "the numbers of previews are compared with each other, wherever they begin",
    (
        f"{SESSION}/watching/socket.py",
        "WindowSocket.__init__",
        "0 is 1 in: self._remaining = 0",
    ): "at most one poll more, of a server that greets with an empty queue",
    (
        f"{SESSION}/watching/socket.py",
        "WindowSocket.keep",
        "0 is 1 in: failures = 0",
    ): "how long the first pause is, is a choice",
    (
        f"{SESSION}/watching/socket.py",
        "WindowSocket.keep",
        "1 is 2 in: failures = 1 if self._window.socket.state in {'open', 'closing'} else failures + 1",
    ): _GROWTH,
    (
        f"{SESSION}/watching/socket.py",
        "WindowSocket._after",
        "2 is 3 in: ceiling = min(LONGEST_BACKOFF, FIRST_BACKOFF * 2 ** min(failures, 10))",
    ): _GROWTH,
    (
        f"{SESSION}/watching/socket.py",
        "WindowSocket._after",
        "10 is 11 in: ceiling = min(LONGEST_BACKOFF, FIRST_BACKOFF * 2 ** min(failures, 10))",
    ): "the longest pause is reached before",
    (
        f"{SESSION}/watching/socket.py",
        "WindowSocket._preview",
        "1 is 2 in: self._serial += 1",
    ): "the numbers of previews are compared with each other, however far apart they are",
    (
        f"{SESSION}/watching/socket.py",
        "WindowSocket._take_in",
        "left out: continue",
    ): "such a message is about no prompt, so what follows passes it over",
    (
        f"{SESSION}/watching/socket.py",
        "WindowSocket._mine",
        "or: window is not None and prompt_id",
    ): "no task has no id, and no socket is open before the window is restored",
    (
        f"{SESSION}/delivery/deliver.py",
        "Courier._deliver",
        "2 is 3 in: pause = min(LONGEST_PAUSE, pause * 2)",
    ): _GROWTH,
    (
        f"{SESSION}/delivery/deliver.py",
        "Courier._deliver_output",
        "left out: raise",
    ): "the task has just been let go, so the change of its record that follows finds none and raises the same",
    (f"{SESSION}/delivery/results.py", "Results.__init__", "0 is 1 in: self.deletions = 0"): _COMPARED,
    (f"{SESSION}/delivery/results.py", "Results.delete_all", "1 is 2 in: self.deletions += 1"): _COMPARED,
    (
        f"{SESSION}/delivery/visits.py",
        "visit",
        "False is True in: task = _task(owner, server, prompt_id, end, json.dumps(prompt, ensure_ascii=False) if p...",
    ): "who reads a workflow parses it, however its letters are written",
    (
        f"{SESSION}/delivery/visits.py",
        "_task",
        "0 is 1 in: return Task(prompt_id=prompt_id, server_id=server.server_id, address=server.address, cl...",
    ): "such a record is never written, and only the store compares epochs",
    (
        f"{SESSION}/watching/forecast.py",
        "Forecast.outlook",
        "now - seen.at > OLD",
    ): "a queue of exactly that long ago is as old on either side",
    (
        f"{SESSION}/watching/forecast.py",
        "",
        "0.0 is 1.0 in: swap",
    ): "only what has to load models asks for it, and that has its own",
    (
        f"{SESSION}/watching/forecast.py",
        "",
        "1.0 is 2.0 in: asked_at",
    ): "before all clocks: any such number is long ago",
    (
        f"{SESSION}/watching/deafness.py",
        "DeafnessDetector.seen",
        "task.created_at > opening.opened_at",
    ): "a task of the very moment in which the socket opened is as new on either side",
    (
        f"{SESSION}/watching/deafness.py",
        "DeafnessDetector._is_reported_here",
        "or: task.client_id == window.client_id and (not task.is_ward)",
    ): "a task that was taken away and taken back is told to its window's socket as it ever was",
    (
        "app/core/window.py",
        "is_address_tag",
        "set(address) <= set('0123456789abcdef')",
    ): "eight digits are never all sixteen",
    (f"{SESSION}/waiting/worker.py", "", "0 is 1 in: _serial"): "rests are told from each other, wherever they begin",
    (f"{SESSION}/waiting/worker.py", "", "False is True in: _serial"): "whether a number is shown in a repr",
    (f"{SESSION}/waiting/worker.py", "WindowWorker.rest", "1 is 2 in: self._serial += 1"): _DISTINGUISHED,
    (f"{SESSION}/waiting/worker.py", "WindowWorker.hurry", "1 is 2 in: self._serial += 1"): _DISTINGUISHED,
    (
        f"{SESSION}/waiting/worker.py",
        "WindowWorker.rest",
        "10 is 11 in: seconds = min(longest, FIRST_REST * 2.0 ** min(self.tries - 1, 10))",
    ): "the longest rest is reached before",
    (
        f"{SESSION}/salvage.py",
        "Salvage.give_up",
        "left out: raise TaskNotFound('give_up', prompt_id)",
    ): "nobody gives up here what `has_record` does not have",
    (
        f"{SESSION}/memory/blob_store.py",
        "",
        "False is True in: async def persist(self, *, is_asked",
    ): "nothing of the sandbox lasts, whether a user asks for that or not",
    (
        f"{SESSION}/memory/blob_store.py",
        "MemoryBlobs.keep_preview",
        "0 is 1 in: return await self._transact('keep_preview', work, adds=0)",
    ): "neither the memory nor the simulated disk has a bound for previews",
    (
        f"{SESSION}/memory/private.py",
        "PrivateStore.update",
        "known is None",
    ): "it only saves the write of a record that is deleted next",
    (
        f"{SESSION}/memory/private.py",
        "PrivateStore.write_settings",
        "0 is 1 in: await self._fit(settings, least=results[results.oldest_first[-1]].blob.size if results ...",
    ): "without results nothing is dropped, and the next result makes room for itself",
    (
        f"{SESSION}/memory/waiting_runs.py",
        "MemoryLine.adopt_line.work",
        "0.0 is 1.0 in: last = mine[-1]['place'] if mine else 0.0",
    ): _PLACES,
    (
        f"{SESSION}/memory/waiting_runs.py",
        "MemoryLine.adopt_line.work",
        "1 is 2 in: for number, row in enumerate(found, 1)",
    ): _PLACES,
    (
        f"{SESSION}/records.py",
        "Records._write",
        "returns None: return _Write.DONE",
    ): "only the other two outcomes are asked for",
    (
        f"{SESSION}/records.py",
        "_durable_part",
        "0 is 1 in: return replace(task, silent_looks=0, place=None)",
    ): "two of them are compared, and have the same number in its place",
    (
        f"{SESSION}/records.py",
        "Records._record",
        "not: is_new_state",
    ): "only a line in the log hangs on it",
    (
        f"{SESSION}/timing.py",
        "begin",
        "returns None: return asyncio.Task(work, loop=loop, eager_start=True)",
    ): _IN_BROWSER,
    (
        f"{SESSION}/timing.py",
        "begin",
        "True is False in: return asyncio.Task(work, loop=loop, eager_start=True)",
    ): _IN_BROWSER,
    (
        f"{SESSION}/submitting/submit.py",
        "Submitter._may_post",
        "clock.steady() - proven_at < SLEPT_OVER",
    ): "an answer of the store after exactly that long is as good on either side",
    (
        f"{SESSION}/submitting/submit.py",
        "Submitter._may_post",
        "left out: state.records.let_go(task, TaskNotFound('submit_workflow', prompt_id))",
    ): "a second fence: without it the store refuses the next write, and the task is let go of then",
    (
        f"{SESSION}/console.py",
        "ConsoleContract.debug_web_socket_lock",
        "3 is 4 in: return {'windowId'",
    ): "to how many digits an age is told is a choice",
    (
        f"{SESSION}/watching/deafness.py",
        "DeafnessDetector._mind_silence",
        "4 is 5 in: await clock.sleep(self._patience / 4)",
    ): "how often a silence is looked at is a choice",
    (
        f"{SESSION}/watching/deafness.py",
        "DeafnessDetector._mind_silence",
        "clock.steady() - max(last, opening.since) >= self._patience",
    ): "a silence of exactly that long is as long on either side",
    (
        f"{SESSION}/watching/deafness.py",
        "DeafnessDetector._mind_silence",
        "2 is 3 in: self._patience = min(LONGEST_SILENCE, self._patience * 2)",
    ): _GROWTH,
    (f"{SESSION}/delivery/past.py", "Past.refresh", "left out: self._is_busy = True"): _ONCE_EACH,
    (f"{SESSION}/delivery/past.py", "Past.refresh", "True is False in: self._is_busy = True"): _ONCE_EACH,
    (f"{SESSION}/watching/watch.py", "Watch._rest", "minus: 0.75 + 0.5 * self._state.ports.random.fraction()"): _SPREAD,
    (f"{SESSION}/watching/watch.py", "Watch._rest", f"0.75 is 1.75 in: {_REST}"): _SPREAD,
    (f"{SESSION}/watching/watch.py", "Watch._rest", f"0.5 is 1.5 in: {_REST}"): _SPREAD,
    (
        f"{SESSION}/watching/watch.py",
        "Watch.poll_ended",
        "False is True in: self._polling_ended[place] = False",
    ): "the look that is begun with it says so anew before anything else",
    (
        f"{SESSION}/watching/watch.py",
        "Watch._inferred",
        "0.0 is 1.0 in: inferred.sort(key=lambda task",
    ): "what has ended has a time; the number is there for the types",
    (
        f"{SESSION}/watching/watch.py",
        "Watch.poll_ended",
        "0 is 1 in: self._state.spawn(self._poll_ended_at(place), f'poll ended tasks of {place[0]}')",
    ): _LOG_ONLY,
    (f"{SESSION}/submitting/submit.py", "Submitter._prepare_on_server", "left out: connecting.cancel()"): (
        "the wait for a socket that nobody needs any more ends by itself, two seconds later"
    ),
    (f"{SESSION}/submitting/submit.py", "Submitter.upload", "0 is 1 in: before = run.sent if run is not None else 0"): (
        "without a run of the page nothing is shown of the upload"
    ),
    (
        f"{SESSION}/submitting/submit.py",
        "Submitter._may_post",
        "left out: raise TaskNotFound('submit_workflow', prompt_id)",
    ): "the task has just been let go, so the next round finds none and raises the same",
    (
        f"{SESSION}/submitting/reservations.py",
        "Reservations.reserve",
        "0.0 is 1.0 in: reservation = wanted.choose(Claims(), (), state.servers.fleet, now=state.ports.clock.no...",
    ): _NO_CHOICE,
    (
        f"{SESSION}/submitting/reservations.py",
        "Reservations.register.check",
        "0.0 is 1.0 in: reservation = wanted.choose(claims, (), state.servers.fleet, now=task.created_at, tie=0...",
    ): _NO_CHOICE,
    (
        f"{SESSION}/windows.py",
        "SessionWindows.keep",
        "left out: continue",
    ): "what follows would open none, and say that the windows are complete, which they are",
    (
        f"{SESSION}/waiting/sending.py",
        "Sender.__init__",
        "0 is 1 in: self._was_ahead = 0",
    ): "no run waits for its turn before the first pass, so none is asked for again then",
    (
        f"{SESSION}/waiting/sending.py",
        "_steady",
        "abs(known.starts_at - turn.starts_at) < max(2.0, 0.1 * turn.left)",
    ): "a time that differs by exactly that much is as near on either side",
    (
        f"{SESSION}/waiting/file_feed.py",
        "FileFeed.__init__",
        "1 is 2 in: self._group = 1",
    ): "how many files are copied before the first run waits is a choice",
    (
        f"{SESSION}/waiting/file_feed.py",
        "FileFeed.retry",
        "0 is 1 in: held[file] = (FileSet((), partial(_same, blob)), 0)",
    ): "that set has one file, and opens it at any place",
    (
        f"{SESSION}/waiting/file_feed.py",
        "FileFeed._follow",
        "left out: self._seen = seen",
    ): "it only saves work: following the same line and windows a second time changes nothing",
    (
        f"{SESSION}/waiting/file_feed.py",
        "FileFeed._copy",
        "size <= GROUP_BYTES",
    ): "a group of exactly that many bytes is as good with or without another file",
    (
        f"{SESSION}/waiting/file_feed.py",
        "_fault",
        "400 is 401 in: return FileFault(run=run, cause=error.cause, detail=error.detail[",
    ): "how much of a detail is kept is a choice",
    (f"{SESSION}/submitting/named_files.py", "", "0 is 1 in: index"): "only an output of a task has an index, its own",
    (
        f"{SESSION}/submitting/named_files.py",
        "FileFinder.find",
        "True is False in: files_by_server = {server.server_id",
    ): "there is one answer for each server that is asked",
    (
        f"{SESSION}/submitting/named_files.py",
        "FileFinder._has",
        "now - known.at < AT_SUBMIT",
    ): "an answer of exactly that age is as good on either side",
    (
        f"{SESSION}/submitting/named_files.py",
        "FileFinder._has",
        "now - known.at < FRESH",
    ): "an answer of exactly that age is as good on either side",
    (
        f"{SESSION}/submitting/named_files.py",
        "FileFinder._has",
        "left out: self._known.pop(asked, None)",
    ): "it only decides which of 2,000 answers is dropped first, and asked for another time",
    (
        f"{SESSION}/submitting/capability.py",
        "Capabilities._missing",
        "returns None: return frozenset()",
    ): "its callers only ask whether any class is missing",
    (
        f"{SESSION}/submitting/reservations.py",
        "Reservations._ask_whether_alive",
        "True is False in: return dict(zip(asked, signs, strict=True))",
    ): "there is one answer for each window that is asked about",
}


def reason_for(mutant: Place) -> str:
    """Why that survivor is none, or nothing."""
    if not mutant.where and mutant.what in CHOICES.get(mutant.file, ()):
        return A_CHOICE
    return JUDGED.get((mutant.file, mutant.where, mutant.what), "")
