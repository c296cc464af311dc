"""The same for asyncio: what waits is a coroutine here, everything else is as in the other world.

    async with lanparty.aio.join("relay.example", "PARTY-42") as session:
        frame = await session.port.recv()

An object of one world has its twin in the other: ``session.aio`` and ``session.sync`` are the same session.
"""

from __future__ import annotations

import asyncio
from typing import Any, AsyncIterator, Generator, List, Optional, Union

from . import _batch, port as _port, relay as _relay, session as _session
from ._aio import in_slices, until_ready
from ._native import encoded
from ._wait import milliseconds
from .config import Certificate, PathLike, Setting, session_config
from .enums import Role, Status
from .errors import EndError, timed_out
from .identity import Identity
from .models import Event
from .relay import Pem, relay_config

__all__ = ["Port", "Relay", "Session", "host", "join"]


class Port(_port.PortBase):
    """A port."""

    async def recv(self, timeout: Optional[float] = None) -> bytes:
        """The next frame; see :meth:`lanparty.Port.recv`."""
        self._raise_stored()
        status = await until_ready(self, lambda: self._receive(1, 0), timeout)
        if status == Status.WOULD_BLOCK:
            raise timed_out("no frame", timeout)
        if status == Status.END:
            raise _port.ended()
        return self._inbox().first()

    async def recv_batch(
        self, timeout: Optional[float] = None, limit: int = _batch.BATCH
    ) -> List[memoryview]:
        """The frames that are there; see :meth:`lanparty.Port.recv_batch`. The views are lent as there."""
        self._raise_stored()
        if not 0 < limit <= _batch.BATCH:
            raise ValueError(f"a limit of {limit} frames: 1 to {_batch.BATCH}")
        status = await until_ready(self, lambda: self._receive(limit, 0), timeout)
        if status == Status.WOULD_BLOCK:
            return []
        if status == Status.END:
            raise _port.ended()
        return self._inbox().views()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The frames as they come, until the port is closed."""
        while True:
            try:
                yield await self.recv()
            except EndError:
                return

    @property
    def sync(self) -> _port.Port:
        """The same port for threads."""
        return _port.Port(self._handle, self._sink)

    async def __aenter__(self) -> "Port":
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()


class Session(_session.SessionBase):
    """One membership in one room."""

    _view: Optional[Port] = None

    @property
    def port(self) -> Port:
        """What the session bridges into its room; if it was not given one, a virtual port."""
        port = self._current_port()
        if self._view is None or self._view._handle is not port._handle:
            self._view = port if isinstance(port, Port) else Port(port._handle, port._sink)
        return self._view

    async def next_event(self, timeout: Optional[float] = None) -> Event:
        """The next event; see :meth:`lanparty.Session.next_event`."""
        return await self._take_async(timeout)

    async def wait_joined(self, timeout: Optional[float] = None) -> None:
        """Waits until the session is in its room for the first time; raises the reason if it ended before."""
        if not await self._joined(timeout):
            raise timed_out("not in the room", timeout)

    async def bridge(self, port: _port.PortBase, timeout: Optional[float] = 10.0) -> None:
        """Bridges another port into the room. Cancelling it does not undo it."""
        status = await _on_thread(self._bridge, port, milliseconds(timeout))
        if status == Status.WOULD_BLOCK:
            raise timed_out("the port is not bridged yet", timeout)

    async def unbridge(self, timeout: Optional[float] = 10.0) -> None:
        """Lets go of the port. Cancelling it does not undo it."""
        status = await _on_thread(self._unbridge, milliseconds(timeout))
        if status == Status.WOULD_BLOCK:
            raise timed_out("the port is not free yet", timeout)

    async def close(self, text: str = "", timeout: Optional[float] = 5.0) -> bool:
        """Leaves the room; see :meth:`lanparty.Session.close`."""
        raw = encoded(text, "text")
        # At once, so that it is done whatever becomes of the waiting.
        if self._close(raw, 0) == Status.OK:
            return True
        return bool(await in_slices(lambda left: self._close(raw, milliseconds(left)) == Status.OK, timeout))

    @property
    def sync(self) -> _session.Session:
        """The same session for threads."""
        return _session.Session(self._handle, self._identity)

    async def _joined(self, timeout: Optional[float]) -> bool:
        return bool(await in_slices(lambda left: self._wait_joined(milliseconds(left)) == Status.OK, timeout))

    async def __aenter__(self) -> "Session":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class Relay(_relay.RelayBase):
    """A relay in this process."""

    async def next_event(self, timeout: Optional[float] = None) -> Event:
        """The next event; see :meth:`lanparty.Relay.next_event`."""
        return await self._take_async(timeout)

    async def close(self, text: str = "", timeout: Optional[float] = 5.0) -> bool:
        """Sends everybody away and stops; see :meth:`lanparty.Relay.close`."""
        raw = encoded(text, "text")
        if self._close(raw, 0) == Status.OK:
            return True
        return bool(await in_slices(lambda left: self._close(raw, milliseconds(left)) == Status.OK, timeout))

    @property
    def sync(self) -> _relay.Relay:
        """The same relay for threads."""
        return _relay.Relay(self._handle)

    async def __aenter__(self) -> "Relay":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class join:
    """Joins a room: ``await`` it, or use it in ``async with``. The arguments are those of :func:`lanparty.join`."""

    def __init__(
        self,
        relay: str,
        room: str,
        *,
        certificate: Optional[Certificate] = None,
        server_name: Optional[str] = None,
        name: Optional[str] = None,
        identity: Union[Identity, PathLike, None] = None,
        role: Union[Role, str] = Role.CLIENT,
        port: Optional[_port.PortBase] = None,
        timeout: Optional[float] = 10.0,
        toml: Optional[str] = None,
        **settings: Setting,
    ) -> None:
        self._config = session_config(
            relay,
            room,
            role,
            certificate,
            identity,
            port,
            toml,
            server_name=server_name,
            name=name,
            **settings,
        )
        self._timeout = timeout
        self._session: Optional[Session] = None

    async def _join(self) -> Session:
        session = Session.start(self._config)
        try:
            if not await session._joined(self._timeout):
                raise session._not_joined(self._timeout)
        except BaseException:
            session._close(b"", 0)
            raise
        return session

    def __await__(self) -> Generator[Any, None, Session]:
        return self._join().__await__()

    async def __aenter__(self) -> Session:
        self._session = await self._join()
        return self._session

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()


def host(
    listen: str = "0.0.0.0:443",
    *,
    certificate: Optional[Pem] = None,
    key: Optional[Pem] = None,
    toml: Optional[str] = None,
    **settings: Setting,
) -> Relay:
    """Hosts a relay in this process; see :func:`lanparty.host`. For ``async with``; there is nothing to await."""
    return Relay.bind(relay_config(listen, certificate, key, toml, **settings))


async def _on_thread(function: Any, *args: Any) -> Any:
    return await asyncio.get_running_loop().run_in_executor(None, function, *args)
