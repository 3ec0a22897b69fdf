"""The floor: a bare Flask route that reads the same form, one Redis GET, one SET, and nothing else."""

import os

from flask import Flask, Response, request
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

PATH = "/ussd/africastalking"
_KEPT_BYTES = 300
# As long as the product's first screen.
_WORDS = (
    "BPJS Ketenagakerjaan\n1. Daftar\n2. Autodebit\n3. Perlindungan & saldo\n4. Data saya\n5. Bantuan\n"
    "6. Bahasa/Language"
)


def web() -> Flask:
    """What granian loads. The Redis client has the same limits as the product's (ports.make_redis)."""
    redis = Redis.from_url(
        os.environ["REDIS_URL"],
        socket_timeout=0.5,
        socket_connect_timeout=0.5,
        retry=Retry(NoBackoff(), 0),
        max_connections=16,
    )
    app = Flask(__name__, static_folder=None)

    @app.post(PATH)
    def turn() -> Response:
        form = request.form
        key = f"floor:{form['phoneNumber']}:{form['sessionId']}:{form['serviceCode']}:{form['networkCode']}"
        kept = redis.get(key)
        hop = int(kept[:4]) + 1 if isinstance(kept, bytes) else 0
        redis.set(key, f"{hop:04d}{form['text']}".ljust(_KEPT_BYTES), ex=600)
        # The hop's number comes out of Redis, so a caller who checks it has checked the GET and the SET.
        return Response(f"CON hop {hop} {_WORDS}", mimetype="text/plain")

    @app.get("/health/live")
    def live() -> Response:
        return Response("ok\n", mimetype="text/plain")

    return app
