"""A gateway for texts in a process of its own, which answers at once or after so many seconds."""

import json
import socket
import sys
import threading
import time
from contextlib import suppress

_HEAD_END = b"\r\n\r\n"


def _answers(connection: socket.socket, after_s: float) -> None:
    """One keep-alive connection: as little of HTTP as a client of ours needs."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    came, count = b"", 0
    with suppress(OSError):
        while chunk := connection.recv(65536):
            came += chunk
            while (end := came.find(_HEAD_END)) >= 0:
                length = next(
                    int(line.split(b":")[1])
                    for line in came[:end].lower().split(b"\r\n")
                    if line.startswith(b"content-length:")
                )
                if len(came) < end + len(_HEAD_END) + length:
                    break
                came, count = came[end + len(_HEAD_END) + length :], count + 1
                if after_s:
                    time.sleep(after_s)
                connection.sendall(_accepted(f"{id(connection):x}-{count}"))
    connection.close()


def _accepted(named: str) -> bytes:
    recipient = {"statusCode": 101, "status": "Success", "cost": "IDR 300.0000", "messageId": f"ATXid_{named}"}
    body = json.dumps({"SMSMessageData": {"Message": "Sent to 1/1", "Recipients": [recipient]}}).encode()
    head = f"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def main() -> None:
    """Prints its port and answers until it is ended; the one argument is how long it takes."""
    after_s = float(sys.argv[1])
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_answers, args=(connection, after_s), daemon=True).start()


if __name__ == "__main__":
    main()
