"""What both ends of Simferry must agree on.

Here live the types, the events that go up, the commands that go down, the tunnel's frames, TwiML and the
routing decision. Nothing in this package does I/O, reads a clock or starts a task: it may use ``async def``
and ``Protocol``, but neither ``asyncio``, ``socket``, ``sqlite3`` nor ``os``, and no third-party package.
``tests/test_architecture.py`` holds it to that.
"""

__version__ = "0.1.0"
