r"""Starts a verb in several processes on this machine that work as one program, as on a pod.

    .venv/bin/python launch/local.py --processes 2 -- train --config=... --workdir=... \
        --config.mesh.data=2 --config.batches_per_step=2

Every line of output begins with the number of its process. When one process fails, or when this program is
stopped, all processes are stopped. The exit status is 0 when all processes succeed. Otherwise it is that of
the first process that failed.
"""

import argparse
import signal
import socket
import subprocess
import sys
import threading
import time


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--processes", type=int, required=True, help="how many")
    parser.add_argument("verb", nargs="+", help="the verb and its flags, after --")
    arguments = parser.parse_args()
    if arguments.processes < 1:
        parser.error(f"--processes {arguments.processes} must be at least 1")
    port = _free_port()
    started = [_start(arguments.verb, port, arguments.processes, n) for n in range(arguments.processes)]
    readers = [threading.Thread(target=_copy, args=(n, p)) for n, p in enumerate(started)]
    for thread in readers:
        thread.start()

    def stop(*_: object) -> None:
        for process in started:
            process.send_signal(signal.SIGTERM)

    signal.signal(signal.SIGTERM, stop)
    status = 0
    try:
        while any(process.poll() is None for process in started):
            failed = [p.returncode for p in started if p.returncode]
            if failed and not status:
                status = failed[0]
                # The others may be waiting for it in a collective operation.
                stop()
            time.sleep(0.1)
    except KeyboardInterrupt:
        stop()
    for process, thread in zip(started, readers, strict=True):
        process.wait()
        thread.join()
    return status or next((p.returncode for p in started if p.returncode), 0)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _start(verb: list[str], port: int, processes: int, number: int) -> subprocess.Popen[str]:
    flags = [f"--coordinator=127.0.0.1:{port}", f"--processes={processes}", f"--process={number}"]
    command = [sys.executable, "-m", "regrad_jax.cli", *verb, *flags]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _copy(number: int, process: subprocess.Popen[str]) -> None:
    for line in process.stdout or ():
        print(f"[{number}] {line}", end="", flush=True)


if __name__ == "__main__":
    sys.exit(main())
