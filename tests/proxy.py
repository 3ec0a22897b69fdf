"""A network between the product and what it needs, for tests: it pauses, cuts, slows, or loses connections."""

import contextlib
import socket
import struct
import threading
import time
from types import TracebackType

_CHUNK = 65_536
_STEP_S = 0.02
# SO_LINGER with no time: closing sends RST.
_AT_ONCE = struct.pack("ii", 1, 0)


class _Pipe:
    """One connection through the proxy; once lost, nothing of it is read or closed, as behind a pulled cable."""

    def __init__(self, proxy: "Proxy", near: socket.socket, far: socket.socket) -> None:
        self.lost, self._proxy, self._ends = False, proxy, (near, far)
        for source, sink in ((near, far), (far, near)):
            threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while chunk := source.recv(_CHUNK):
                self._proxy.hold_back()
                if self.lost:
                    return
                sink.sendall(chunk)
        if not self.lost:
            self.close()

    def close(self, *, reset: bool = False) -> None:
        for end in self._ends:
            with contextlib.suppress(OSError):
                if reset:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
                end.shutdown(socket.SHUT_RDWR) if not reset else None
                end.close()


class Proxy:
    """`with Proxy(port) as proxy:` stands before 127.0.0.1:port at `proxy.port`."""

    def __init__(self, behind: int) -> None:
        self._behind, self._pipes, self._open = behind, list[_Pipe](), True
        self.paused, self.refusing, self.slow_s = False, False, 0.0
        self._door = socket.create_server(("127.0.0.1", 0), backlog=200)
        self.port = int(self._door.getsockname()[1])

    def __enter__(self) -> "Proxy":
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open = False
        self._door.close()
        self.paused = False
        for pipe in self._pipes:
            pipe.close()

    def _serve(self) -> None:
        while self._open:
            try:
                near, _ = self._door.accept()
            except OSError:
                return
            try:
                if self.refusing:
                    raise ConnectionRefusedError
                far = socket.create_connection(("127.0.0.1", self._behind), 1)
                far.settimeout(None)
            except OSError:
                near.close()
                continue
            self._pipes.append(_Pipe(self, near, far))

    def hold_back(self) -> None:
        time.sleep(self.slow_s)
        while self.paused and self._open:
            time.sleep(_STEP_S)

    def cut(self) -> None:
        """Every connection ends with RST; new ones are taken."""
        pipes, self._pipes = self._pipes, []
        for pipe in pipes:
            pipe.close(reset=True)

    def drop(self) -> None:
        """Every connection is silent for ever and never closed; new ones are taken."""
        for pipe in self._pipes:
            pipe.lost = True
