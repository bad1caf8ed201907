"""An S3 server for tests: `python s3_server.py PORT FOLDER`, moto behind a door that misbehaves on demand.

While a file named `failing` lies in the folder, one request in three is answered 503, by a fixed random
sequence. A server that stalls or dies is the test's to make, with signals to `s3_door.py`, so that what is
stored outlives it.
"""

import pathlib
import random
import sys

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple


def serve(port: int, folder: pathlib.Path) -> None:
    moto = DomainDispatcherApplication(create_backend_app)
    chance = random.Random(0)

    def application(environ, start_response):
        if (folder / "failing").exists() and chance.random() < 1 / 3:
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            start_response("503 Service Unavailable", [("Content-Length", "0")])
            return [b""]
        return moto(environ, start_response)

    run_simple("127.0.0.1", port, application, threaded=True)


if __name__ == "__main__":
    serve(int(sys.argv[1]), pathlib.Path(sys.argv[2]))
