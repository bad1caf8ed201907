"""An S3 server for tests: `python s3_server.py PORT FOLDER`, moto behind a door that misbehaves on demand.

What files lie in the folder decides: `failing` answers one request in three with 503, by a fixed random
sequence; `deaf` does what it is asked and then answers so; `expired` answers all as S3 does when a token has
expired. A server that stalls or dies is the test's to make, with signals to `s3_door.py`, so that what is
stored outlives it.
"""

import pathlib
import random
import sys

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple

EXPIRED = b"<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>"


def refuse(environ, start_response, status: str, body: bytes):
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    start_response(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
    return [body]


def serve(port: int, folder: pathlib.Path) -> None:
    moto = DomainDispatcherApplication(create_backend_app)
    chance = random.Random(0)
    is_on = lambda name: (folder / name).exists()

    def application(environ, start_response):
        if is_on("expired"):
            return refuse(environ, start_response, "400 Bad Request", EXPIRED)
        if is_on("failing") and chance.random() < 1 / 3:
            return refuse(environ, start_response, "503 Service Unavailable", b"")
        if is_on("deaf") and environ["REQUEST_METHOD"] == "PUT" and chance.random() < 1 / 3:
            list(moto(environ, lambda *_: None))
            environ["CONTENT_LENGTH"] = "0"  # moto has read it
            return refuse(environ, start_response, "503 Service Unavailable", b"")
        return moto(environ, start_response)

    run_simple("127.0.0.1", port, application, threaded=True)


if __name__ == "__main__":
    serve(int(sys.argv[1]), pathlib.Path(sys.argv[2]))
