"""Remaining time: accurate at half-way over uneven runs, loads and caches, and None where it is unknown."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest

from app.core.ahead import QueueSeen
from app.core.comfy import Queue
from app.core.durations import Durations, Ran, missing_share
from app.core.eta import LATE, SLACK, Eta, Queued, Work, running_eta, steady, waiting_etas
from app.core.events import (
    CachedMessage,
    ExecutingMessage,
    NodeProgress,
    ProgressMessage,
    StartMessage,
    read_text,
)
from app.core.job import costly_nodes, job_of
from app.core.model import Job, NodeId, PromptId, ServerId
from app.core.plan import Certainty, Measured, NodePace, Paces, Plan, guessed
from app.core.progress import Progress
from app.core.stopwatch import Stopwatch
from app.core.workflow import ApiWorkflow, parse_workflow
from tests.kit import captures
from tests.kit.builders import A, B
from tests.kit.made_runs import MadeRun, P, RunMaker, node, text_to_picture, twice_sampled

HERE = "http://a"
UNSEEN = 0.5  # seconds: what is shown is whole seconds
LOADERS = ("1", "4")
TEXTS = ("1", "2", "3", "4")


@dataclass
class LearnedServer:
    """One server with everything that a browser has learned about it; runs go there one after the other."""

    paces: Paces = field(default_factory=Paces)
    durations: Durations = field(default_factory=Durations)
    clock_ms: int = 0

    def work(self, made: MadeRun) -> Work:
        """A run before any event, as the session plans it."""
        plan, job = self.paces.plan(A, HERE, made.job, made.workflow), made.job
        loaded = self.durations.loaded(A)
        return Work(
            plan=plan,
            watch=Stopwatch(),
            started_at=0.0,
            done=frozenset(made.cached),
            total=self.durations.expected(A, job) if self.durations.knows_kind(job, A) else None,
            is_cold=missing_share(job.models, loaded) > 0,
            swap=self.durations.swap(job.models, loaded) if self.durations.knows_swap(job.models) else None,
            is_partly_cached=not costly_nodes(made.workflow).isdisjoint(made.cached),
        )

    def watched(self, made: MadeRun) -> Iterator[tuple[float, Work, Progress]]:
        """The run after each message: its time, and what is known then."""
        work = self.work(made)
        progress = Progress(
            P,
            len(work.plan.seconds),
            weights=work.plan.weights(is_cold=work.is_cold),
            expected_parts=work.plan.parts,
            are_guessed=work.plan.certainty is Certainty.GUESSED,
        )
        for at, message in made.messages:
            progress = progress.after(message)
            done = {node for node, far in progress.done.items() if far >= 1.0}
            work = replace(work, watch=work.watch.after(message, at), done=frozenset({*made.cached, *done}))
            yield at, work, progress

    def left(self, made: MadeRun, at: float) -> float | None:
        """The remaining seconds shown at that moment."""
        work = self.work(made)
        for shown_at, known, _ in self.watched(made):
            if shown_at > at:
                break
            work = known
        eta = running_eta(work, now=at)
        return eta.left if eta is not None else None

    def learn(self, made: MadeRun) -> None:
        """Learn from a successful run."""
        *_, (_, work, _) = self.watched(made)
        self.paces = self.paces.learned(
            Measured(server_id=A, address=HERE, job=made.job, nodes=work.watch.measured(), is_cold=work.is_cold)
        )
        began, self.clock_ms = self.clock_ms, self.clock_ms + round(made.seconds * 1000)
        if not work.is_partly_cached:
            ran = Ran(server_id=A, address=HERE, job=made.job, started_ms=began, ended_ms=self.clock_ms)
            self.durations = self.durations.learned(ran)


def error(known_server: LearnedServer, made: MadeRun, part: float = 0.5) -> float | None:
    """The error of the estimate at that share of the run's time; None without an estimate."""
    left = known_server.left(made, made.seconds * part)
    rest = made.seconds * (1 - part)
    return None if left is None else max(0.0, abs(left - rest) - UNSEEN) / rest


@pytest.mark.parametrize("workflow", [text_to_picture(), twice_sampled()], ids=["once", "twice"])
@pytest.mark.parametrize("noise", [0.05, 0.1])
def test_at_half_way_the_estimate_is_right_by_a_quarter(workflow: ApiWorkflow, noise: float) -> None:
    """Uneven runs on servers of any pace; the first one loads the models; later ones find more or less in the cache."""
    errors = []
    for seed in range(60):
        known_server, maker, chance = LearnedServer(), RunMaker(seed, 2.0 ** (seed % 5 - 2), noise), random.Random(seed)
        known_server.learn(maker.run(workflow, is_cold=True))
        for _ in range(4):
            made = maker.run(workflow, cached=chance.choice([LOADERS, TEXTS]))
            errors.append(error(known_server, made))
            known_server.learn(made)
    reported = [item for item in errors if item is not None]
    assert len(reported) == len(errors), "a workflow that has run here is known"
    assert sum(item <= 0.25 for item in reported) >= 0.98 * len(reported)
    assert max(reported) <= 0.35
    assert sorted(reported)[len(reported) // 2] <= 0.08


def test_estimate_at_half_way_is_right_by_a_quarter() -> None:
    for seed in range(40):
        known_server, maker = LearnedServer(), RunMaker(seed, noise=0.08)
        known_server.learn(maker.run(twice_sampled(), is_cold=True))
        known_server.learn(maker.run(twice_sampled(), cached=LOADERS))
        made = maker.run(twice_sampled(), cached=LOADERS)
        at = next(at for at, _, progress in known_server.watched(made) if progress.fraction >= 0.5)
        left = known_server.left(made, at)
        assert left is not None
        assert abs(left - (made.seconds - at)) <= 0.25 * (made.seconds - at)


def test_a_load_that_was_seen_before_is_reckoned_with() -> None:
    """Another model was used in between, so this one has to be reloaded, which takes as long as the first time."""
    errors = []
    for seed in range(40):
        known_server, maker = LearnedServer(), RunMaker(seed, noise=0.08)
        for is_cold in (True, False):
            known_server.learn(maker.run(text_to_picture(), is_cold=is_cold, cached=() if is_cold else LOADERS))
        other = Ran(server_id=A, address=HERE, job=Job("x", 1.0, ("other.sft",)), started_ms=10**6, ended_ms=10**6 + 1)
        known_server.durations = known_server.durations.learned(other)
        errors.append(error(known_server, maker.run(text_to_picture(), is_cold=True, cached=("4",))))
    reported = [item for item in errors if item is not None]
    assert len(reported) >= 30
    assert sum(item <= 0.25 for item in reported) >= 0.9 * len(reported)


def test_unusually_slow_run_is_estimated_by_its_own_pace() -> None:
    known_server, maker = LearnedServer(), RunMaker(7, noise=0.03)
    for _ in range(3):
        known_server.learn(maker.run(twice_sampled(), cached=LOADERS))
    made = maker.run(twice_sampled(), cached=LOADERS, larger=2.2)
    wrong = error(known_server, made)
    assert wrong is not None
    assert wrong <= 0.25


def test_a_cached_sampler_is_no_part_of_what_is_left() -> None:
    known_server, maker = LearnedServer(), RunMaker(3, noise=0.05)
    known_server.learn(maker.run(twice_sampled(), cached=LOADERS))
    made = maker.run(twice_sampled(), cached=(*TEXTS, "5", "8"))
    for part in (0.1, 0.5, 0.8):
        wrong = error(known_server, made, part)
        assert wrong is not None, part
        assert wrong <= 0.25


def test_first_run_is_estimated_near_its_end_by_own_pace() -> None:
    known_server, made = LearnedServer(), RunMaker(5, noise=0.05).run(text_to_picture())
    assert known_server.left(made, 0.3) is None, "nothing is known of its seconds"
    reported = error(known_server, made, 0.6)
    assert reported is not None
    assert reported <= 0.25


def test_first_run_with_another_sampler_ahead_has_no_estimate() -> None:
    known_server, made = LearnedServer(), RunMaker(5, noise=0.05).run(twice_sampled())
    assert known_server.left(made, 6.0) is None


def test_without_a_socket_the_whole_is_known_by_its_kind() -> None:
    """Every WebSocket is refused: polls show the start, and nothing else."""
    work = Work(plan=Plan(), watch=Stopwatch(), started_at=100.0, total=40.0)
    eta = running_eta(work, now=130.0)
    assert eta == Eta(140.0, 130.0 + 10.0 * LATE + SLACK, holds_at=140.0)
    assert running_eta(replace(work, total=None), now=130.0) is None
    assert running_eta(replace(work, is_partly_cached=True), now=130.0) is None
    assert running_eta(replace(work, is_cold=True, swap=None), now=130.0) is None
    cold = running_eta(replace(work, is_cold=True, swap=25.0), now=130.0)
    assert cold is not None
    assert cold.left == pytest.approx(35.0)
    assert running_eta(work, now=100.0 + 40.0 * LATE + SLACK + 1) is None, "it is not done in a moment, and never was"


def captured(name: str) -> MadeRun:
    """A captured run of a real server with its times."""
    run = captures.one(name)
    workflow, texts = parse_workflow(run["prompt"]), [item for item in run["ws_client"] if "text" in item]
    messages = [(item["t"], read_text(json.dumps(item["text"]))) for item in texts]
    began = next(at for at, message in messages if isinstance(message, StartMessage))
    reported = [(at - began, message) for at, message in messages if getattr(message, "prompt_id", None)]
    cached = next(message.nodes for _, message in reported if isinstance(message, CachedMessage))
    return MadeRun(workflow, job_of(workflow), reported, reported[-1][0], cached)


@pytest.mark.parametrize(("earlier", "name"), [("02d_run", "02e_run"), ("02e_run", "02d_run")])
def test_half_way_estimate_of_capture_is_right_by_a_quarter(earlier: str, name: str) -> None:
    """The same workflow, on a real server, after one learned run."""
    known_server, made = LearnedServer(), captured(name)
    known_server.learn(captured(earlier))
    assert known_server.work(made).plan.certainty is Certainty.LEARNED
    for part in (0.4, 0.5, 0.7):
        left, rest = known_server.left(made, made.seconds * part), made.seconds * (1 - part)
        assert left is not None
        assert abs(left - rest) <= 0.25 * rest


def test_run_longer_than_ever_has_no_estimate() -> None:
    known_server, maker = LearnedServer(), RunMaker(2, noise=0.02)
    for _ in range(2):
        known_server.learn(maker.run(text_to_picture(), cached=LOADERS))
    made = maker.run(text_to_picture(), cached=LOADERS)
    work = known_server.work(made)
    for at, known, _ in known_server.watched(made):
        if known.watch.node == "6":  # it decodes, and sends no progress
            assert running_eta(known, now=at) is not None
            assert running_eta(known, now=at + 30.0) is None
            break
        work = known
    assert work.watch.steps is not None
    stuck = running_eta(work, now=work.watch.steps.last_at + 1.0)
    assert stuck is not None


def test_steps_that_stop_coming_are_no_countdown() -> None:
    watch = Stopwatch().after(StartMessage(P), 0.0).after(ExecutingMessage(P, NodeId("5")), 0.0)
    for step in range(1, 6):
        watch = watch.after(ProgressMessage(P, (NodeProgress(NodeId("5"), step, 20.0, "running"),)), float(step))
    work = Work(plan=Plan({NodeId("5"): 20.0}, stepping=frozenset({NodeId("5")})), watch=watch, started_at=0.0)
    eta = running_eta(work, now=5.5)
    assert eta is not None
    assert eta.left == pytest.approx(14.5)
    assert running_eta(work, now=13.0) is None


def stepped(*times: float) -> Stopwatch:
    """A run whose node of twenty steps began at 0 and has done its first steps at these times."""
    watch = Stopwatch().after(StartMessage(P), 0.0).after(ExecutingMessage(P, NodeId("5")), 0.0)
    for step, at in enumerate(times, start=1):
        watch = watch.after(ProgressMessage(P, (NodeProgress(NodeId("5"), step, 20.0, "running"),)), at)
    return watch


def worked(watch: Stopwatch, **facts: float) -> Work:
    """That run, of which twenty seconds were expected."""
    plan = Plan({NodeId("5"): 20.0}, stepping=frozenset({NodeId("5")}))
    return Work(plan=plan, watch=watch, started_at=0.0, **facts)


def test_time_left_stops_until_the_next_step() -> None:
    work = worked(stepped(1.0, 2.0, 3.0, 4.0, 5.0))
    eta = running_eta(work, now=5.5)
    assert eta is not None
    assert (eta.left, eta.left_at(8.0)) == (pytest.approx(14.5), pytest.approx(13.5)), "the page counts down by itself"
    stopped = running_eta(work, now=9.0)
    assert stopped is not None
    assert (stopped.left, stopped.left_at(11.0)) == (pytest.approx(13.5), pytest.approx(13.5))


def test_pause_is_no_slow_step() -> None:
    watch = stepped(1.0, 2.0, 3.0, 4.0, 5.0, 25.0, 26.0)
    eta = running_eta(worked(watch), now=26.0)
    assert eta is not None
    assert eta.left == pytest.approx(13.0)
    watch = watch.after(ExecutingMessage(P, None), 39.0)
    assert watch.measured()[NodeId("5")].seconds == pytest.approx(20.0)


def test_time_left_stops_while_nothing_shows_that_it_runs() -> None:
    work = Work(plan=Plan(), watch=Stopwatch(), started_at=100.0, total=40.0, seen_at=110.0)
    eta, later = running_eta(work, now=112.0), running_eta(work, now=126.0)
    assert eta is not None
    assert later is not None
    assert (eta.left, eta.left_at(126.0), later.left) == (28.0, 22.0, 22.0)


def test_loading_before_first_step_is_not_work() -> None:
    watch = Stopwatch().after(StartMessage(P), 0.0).after(ExecutingMessage(P, NodeId("5")), 0.0)
    for row in range(2):
        for step in range(1, 11):
            at = 30.0 + 10.0 * row + step
            watch = watch.after(ProgressMessage(P, (NodeProgress(NodeId("5"), step, 10.0, "running"),)), at)
    watch = watch.after(ExecutingMessage(P, NodeId("6")), 51.0).after(ExecutingMessage(P, None), 53.0)
    assert watch.measured() == {"5": NodePace(21.0, 30.0, 2), "6": NodePace(2.0)}


def test_an_interrupted_socket_teaches_nothing() -> None:
    made = RunMaker(1).run(text_to_picture())
    watch = Stopwatch()
    for number, (at, message) in enumerate(made.messages):
        watch = watch.after(message, at)
        if number == len(made.messages) // 2:
            watch = watch.interrupted()
    assert not watch.is_whole


# Waiting

JOB = Job("k", 1.0)


def known(*servers: ServerId) -> Durations:
    """What is learned from a few such jobs, of 20 s, on each of these servers."""
    durations = Durations()
    for server_id in servers:
        for number in range(4):
            began = 100_000 * number
            ran = Ran(server_id=server_id, address="", job=JOB, started_ms=began, ended_ms=began + 20_000)
            durations = durations.learned(ran)
    return durations


def waits(durations: Durations, *queue: Queued, now: float = 100.0) -> list[float | None]:
    """Seconds until each of them begins."""
    return [None if eta is None else round(eta.left, 3) for _, eta in waiting_etas(A, queue, durations, now=now)]


def queued(number: int, **more: object) -> Queued:
    return Queued(prompt_id=PromptId(f"p-{number}"), **{"job": JOB, **more})  # type: ignore[arg-type]


def test_who_waits_waits_for_what_is_before_it() -> None:
    runs = queued(0, is_running=True, running_since=95.0)
    assert waits(known(A), runs, queued(1), queued(2), queued(3)) == pytest.approx([0.0, 15.0, 35.0, 55.0])
    mine = queued(0, is_running=True, left=4.0)
    assert waits(known(A), mine, queued(1), queued(2)) == pytest.approx([0.0, 4.0, 24.0])


def test_wait_behind_unknown_work_is_unknown() -> None:
    stranger = queued(0, job=None)
    assert waits(known(A), stranger, queued(1), queued(2)) == [0.0, None, None]
    assert waits(known(A), queued(0, job=Job("never seen")), queued(1)) == [0.0, None]


def test_wait_behind_run_begun_unseen_is_shown_if_long() -> None:
    runs = queued(0, is_running=True)
    assert waits(known(A), runs, queued(1), queued(2)) == [0.0, None, pytest.approx(30.0)]


def test_wait_behind_overlong_run_is_unknown() -> None:
    runs = queued(0, is_running=True, running_since=0.0)
    assert waits(known(A), runs, queued(1)) == [0.0, None]


def test_times_of_another_server_are_not_shown() -> None:
    assert waits(known(B), queued(0), queued(1)) == [0.0, None]


def test_a_queue_keeps_since_when_each_was_seen_to_run() -> None:
    text = '{"queue_running": [], "queue_pending": []}'
    one, two = PromptId("p-1"), PromptId("p-2")
    seen = QueueSeen(0.0, Queue((), ())).seen(Queue((one,), (two,)), text, 10.0, {})
    assert seen.running_since == {}, "it ran before it was seen"
    later = seen.seen(Queue((two,), ()), text, 14.0, {})
    assert later.running_since == {two: 14.0}
    assert later.seen(Queue((two,), ()), text, 20.0, {}).running_since == {two: 14.0}


# Shown


@pytest.mark.parametrize(
    ("fresh", "is_kept"), [(150.5, True), (152.0, True), (156.0, False), (144.0, False), (None, False)]
)
def test_shown_estimate_does_not_flicker(fresh: float | None, is_kept: bool) -> None:
    shown, reported = Eta(150.0, 190.0), None if fresh is None else Eta(fresh, fresh + 40, fresh - 100)
    found = steady(shown, reported, 100.0)
    assert found == (shown if is_kept else reported)
    assert found is None or found.left == pytest.approx(found.ends_at - 100.0)


def test_learned_nodes_stay_bounded() -> None:
    paces, nodes = Paces(), {NodeId(str(number)): NodePace(float(number)) for number in range(60)}
    for number in range(400):
        job = Job(f"family {number}", 1.0)
        paces = paces.learned(Measured(server_id=A, address=HERE, job=job, nodes=nodes))
    assert len(paces.shapes) <= 120
    assert max(len(shape.nodes) for shape in paces.shapes.values()) <= 16
    last = paces.plan(A, HERE, Job("family 399", 1.0), text_to_picture())
    assert last.certainty is Certainty.LEARNED


def test_a_server_under_another_address_is_another_server() -> None:
    nodes = {NodeId("5"): NodePace(9.0)}
    paces = Paces().learned(Measured(server_id=A, address=HERE, job=JOB, nodes=nodes))
    assert paces.plan(A, "http://new", JOB, text_to_picture()).certainty is Certainty.CARRIED
    fresh = paces.learned(Measured(server_id=A, address="http://new", job=JOB, nodes={NodeId("5"): NodePace(2.0)}))
    assert fresh.plan(A, "http://new", JOB, text_to_picture()).seconds[NodeId("5")] == 2.0


def test_another_size_is_carried_over_in_proportion() -> None:
    nodes = {NodeId("5"): NodePace(9.0)}
    paces = Paces().learned(Measured(server_id=A, address=HERE, job=Job("k", 10.0), nodes=nodes))
    plan = paces.plan(A, HERE, Job("k", 20.0), text_to_picture())
    assert (plan.certainty, plan.seconds[NodeId("5")]) == (Certainty.CARRIED, 18.0)


def test_a_schedulers_steps_are_the_samplers() -> None:
    plan = guessed(
        parse_workflow(
            {
                "1": node("BasicScheduler", steps=24),
                "2": node("SamplerCustomAdvanced", sigmas=["1", 0]),
                "3": node("SaveImage", images=["2", 0]),
            }
        )
    )
    assert plan.seconds["2"] == 24.0  # type: ignore[index]
    assert plan.seconds["1"] < 1.0  # type: ignore[index]
    assert plan.stepping == {"2"}


def test_scheduler_gives_its_steps_to_each_node_it_feeds() -> None:
    samplers = {str(name): node("SamplerCustomAdvanced", sigmas=["1", 0], guider=["1", 0]) for name in (2, 3)}
    plan = guessed(parse_workflow({**samplers, "1": node("BasicScheduler", steps=24)}))
    assert (plan.seconds["2"], plan.seconds["3"]) == (24.0, 24.0)  # type: ignore[index]


EXPANDED = NodeId("2")


@pytest.mark.parametrize(("certainty", "left"), [(Certainty.LEARNED, 3.0), (Certainty.CARRIED, None)])
def test_expanded_node_continues_after_its_first_part(certainty: Certainty, left: float | None) -> None:
    """Another part may follow, whose steps are not counted before it begins."""
    watch = Stopwatch().after(StartMessage(P), 0.0).after(ExecutingMessage(P, EXPANDED), 0.0)
    for step in range(1, 7):
        part = NodeProgress(EXPANDED, step, 6, "running", "2.0.0.1")
        watch = watch.after(ProgressMessage(P, (part,)), step / 2)
    plan = Plan({EXPANDED: 6.0}, certainty=certainty)
    found = running_eta(Work(plan=plan, watch=watch, started_at=0.0), now=3.0)
    assert (found.left if found is not None else None) == left
