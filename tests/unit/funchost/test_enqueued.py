from funchost.enqueued import EnqueuedWatcher


def test_the_listener_of_a_queue_is_told_and_no_other() -> None:
    watcher, told = EnqueuedWatcher(), list[str]()
    watcher.register("account a", "work", lambda: told.append("a"))
    watcher.register("account b", "work", lambda: told.append("b"))
    watcher.notify("account a", "work")
    watcher.notify("account a", "other")
    assert told == ["a"]
