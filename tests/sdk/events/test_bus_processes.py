"""The event bus in a program of its own: its first event, its end, forks, signals, and a system without threads."""

from __future__ import annotations

from time import monotonic

from sdk.events.script import run


def test_no_thread_is_started_before_the_first_event() -> None:
    printed = run("""
        DEFAULT_BUS.subscribe(None, lambda event: None)
        before = threading.active_count()
        DEFAULT_BUS.emit(EventType.ENGINE_START)
        DEFAULT_BUS.flush()
        print(before, threading.active_count() > 1, all(t.daemon for t in threading.enumerate()[1:]))
    """)

    assert printed == "1 True True\n"


def test_what_was_published_last_is_delivered_when_the_program_ends() -> None:
    printed = run("""
        DEFAULT_BUS.subscribe(EventType.ENGINE_STOP, lambda event: (time.sleep(0.2), os.write(1, b"stopped\\n")))
        DEFAULT_BUS.emit(EventType.ENGINE_STOP)
    """)

    assert printed == "stopped\n"


def test_a_blocked_subscriber_does_not_keep_a_program_from_ending() -> None:
    begin = monotonic()
    run("""
        for bus in (EventBus(), EventBus(), DEFAULT_BUS):
            bus.subscribe(None, lambda event: time.sleep(1000))
            bus.emit(EventType.ENGINE_STOP)
            keep = bus
        time.sleep(0.1)
    """)

    assert monotonic() - begin < 30


def test_a_forked_child_has_the_subscribers_and_delivers_what_it_publishes_itself() -> None:
    printed = run("""
        blocked = threading.Event()
        got = []

        def callback(event):
            blocked.wait()
            got.append(event.data["n"])

        bus = EventBus()
        handle = bus.subscribe(None, callback)
        for n in range(5):
            bus.emit(EventType.ERROR, {"n": n})
        while handle.stats().queued == 5:
            time.sleep(0.01)
        if not (child := os.fork()):
            blocked.set()
            bus.emit(EventType.ERROR, {"n": "child"})
            flushed = bus.flush(30)
            stats = handle.stats()
            numbers = stats.delivered, bus.stats().published, len(bus.get_recent())
            print(got, flushed, *numbers, flush=True)
            os._exit(0)
        os.waitpid(child, 0)
        blocked.set()
        bus.flush(30)
        print(got)
    """)

    assert printed == "['child'] True 1 1 6\n[0, 1, 2, 3, 4]\n"


def test_forks_while_other_threads_publish_never_leave_a_child_hanging() -> None:
    printed = run("""
        bus = EventBus()
        handle = bus.subscribe(None, lambda event: None, queue_size=2)
        bus.subscribe(EventType.ERROR, lambda event: None)
        end = threading.Event()

        def publish():
            while not end.is_set():
                bus.emit(EventType.ERROR)
                bus.unsubscribe(bus.subscribe(None, id))

        for _ in range(3):
            threading.Thread(target=publish).start()
        codes = []
        for _ in range(30):
            time.sleep(0.003)
            if not (child := os.fork()):
                for _ in range(100):
                    bus.emit(EventType.ERROR)
                good = bus.flush(30) and bus.stats().published == 100
                os._exit(0 if good and handle.stats().delivered + handle.stats().dropped == 100 else 1)
            codes.append(os.waitpid(child, 0)[1])
        end.set()
        print(set(codes))
    """)

    assert printed == "{0}\n"


def test_a_signal_handler_may_publish_at_any_moment() -> None:
    printed = run("""
        import signal

        bus = EventBus()
        handles = [bus.subscribe(None, lambda event: None, queue_size=3) for _ in range(2)]
        handled = 0

        def handler(*args):
            global handled
            handled += 1
            bus.emit(EventType.CONNECTION_LOST)

        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
        event = Event(EventType.ERROR)
        published = 0
        while handled < 300:
            bus.publish(event)
            published += 1
        signal.setitimer(signal.ITIMER_REAL, 0)
        bus.flush(30)
        total = published + handled
        stats = bus.stats()
        print(stats.published == total, stats.invalid, {s.delivered + s.dropped == total for s in stats.subscribers})
    """)

    assert printed == "True 0 {True}\n"


def test_a_system_that_gives_no_more_threads_is_survived() -> None:
    printed = run("""
        real = threading.Thread.start
        refusals = 0

        def start(thread):
            global refusals
            if refusals < 3:
                refusals += 1
                raise RuntimeError("can't start new thread")
            real(thread)

        threading.Thread.start = start
        import tapewatch_sdk.events._rounds as rounds, tapewatch_sdk.events._worker as worker
        rounds.START_PAUSE = worker.START_PAUSE = 0.01
        got = []
        bus = EventBus()
        bus.subscribe(None, got.append)
        until = time.monotonic() + 30
        while not got and time.monotonic() < until:
            bus.emit(EventType.ERROR)
            time.sleep(0.01)
        print(refusals, bool(got), bus.stats().invalid)
    """)

    assert printed == "3 True 0\n"
