"""The flags of verbs that run in several processes together, and how such a process joins the others."""

import jax
from absl import flags

from regrad_jax.errors import UserError

_COORDINATOR = flags.DEFINE_string(
    "coordinator", None, "process 0's HOST:PORT; 'auto' on TPU pods and under SLURM, where JAX knows it"
)
_PROCESSES = flags.DEFINE_integer("processes", None, "how many processes there are, with HOST:PORT", 1)
_PROCESS = flags.DEFINE_integer("process", None, "which one this is, from 0, with HOST:PORT", 0)


def connect() -> None:
    """Joins the other processes, if the flags say that there are any.

    Raises:
        UserError: the flags do not fit each other, or the coordinator cannot be reached.
    """
    coordinator, processes, process = _COORDINATOR.value, _PROCESSES.value, _PROCESS.value
    if coordinator is None:
        return
    if coordinator != "auto" and (processes is None or process is None or process >= processes):
        raise UserError(f"`coordinator` {coordinator} needs `processes`=N and `process`=0...N-1")
    try:
        jax.distributed.initialize(None if coordinator == "auto" else coordinator, processes, process)
    except (RuntimeError, ValueError) as error:
        raise UserError(f"`coordinator` {coordinator}: {' '.join(str(error).split())}") from error
