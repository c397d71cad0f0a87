"""Put on a program's path by a test: everything that can be logged is, and every callback counts as slow."""

from __future__ import annotations

import asyncio
import logging

logging.basicConfig(level=logging.DEBUG)
logging.captureWarnings(True)


class _Slow(asyncio.DefaultEventLoopPolicy):
    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        loop = super().new_event_loop()
        loop.set_debug(True)
        loop.slow_callback_duration = 0
        return loop


asyncio.set_event_loop_policy(_Slow())
logging.getLogger("test").debug("everything is logged")
