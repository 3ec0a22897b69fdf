"""A gateway for texts that answers at once, in a process of its own: what is measured is the desk and its wire."""

import json
import socket
import threading
from contextlib import suppress

_HEAD_END = b"\r\n\r\n"


def _answers(connection: socket.socket) -> None:
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
                connection.sendall(_accepted(f"{id(connection):x}-{count}"))
    connection.close()


def _accepted(named: str) -> bytes:
    recipient = {"statusCode": 101, "status": "Success", "cost": "IDR 300.0000", "messageId": f"ATXid_{named}"}
    body = json.dumps({"SMSMessageData": {"Message": "Sent to 1/1", "Recipients": [recipient]}}).encode()
    head = f"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def main() -> None:
    """Prints its port and answers until it is ended."""
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_answers, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    main()
