"""Runs a flow in the thread that asks for it.

CrewAI's own `kickoff` makes an event loop for each flow and hands each of its methods to another thread, for which it
then waits: that takes as long as a step of the built-in model.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from crewai.flow.flow import Flow

P = ParamSpec("P")
T = TypeVar("T")

_of_thread = threading.local()


def run_here(flow: Flow[Any]) -> None:
    """Runs a flow to its end. Each thread keeps its event loop for the next flow.

    Where a loop runs already, it is left to CrewAI, which takes other threads then.
    """
    if asyncio._get_running_loop() is not None:
        flow.kickoff()
        return
    if not hasattr(_of_thread, "loop"):
        _of_thread.loop = asyncio.new_event_loop()
        _of_thread.loop.set_default_executor(_Here())
    loop: asyncio.AbstractEventLoop = _of_thread.loop
    try:
        contextvars.copy_context().run(loop.run_until_complete, flow.kickoff_async())
    finally:
        if left := asyncio.all_tasks(loop):  # Ctrl-C came between
            del _of_thread.loop
            for task in left:
                task.cancel()
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            loop.close()


class _Here(ThreadPoolExecutor):
    """Does at once, and in the same thread, what it is given; as in another thread, no event loop is seen to run."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Calls `fn`; its error is the future's, but for what ends a process."""
        future: Future[T] = Future()
        loop = asyncio.get_running_loop()
        asyncio._set_running_loop(None)
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001  (it is raised where the result is asked for)
            future.set_exception(error)
        finally:
            asyncio._set_running_loop(loop)
        return future
