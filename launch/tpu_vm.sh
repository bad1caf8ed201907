#!/usr/bin/env bash
# Trains on a TPU pod slice (TPU VMs): starts one process on every host over ssh. Nobody has tried this on a pod
# yet.
#   launch/tpu_vm.sh NAME ZONE --config=... --workdir=/mnt/shared/run --config.mesh.data=4 --config.mesh.fsdp=16 \
#     --config.batches_per_step=64
# Every host needs a checkout at ~/regrad-jax in which `make setup` and `.venv/bin/pip install -e .[tpu]` were
# run. The workdir must be on a file system that all hosts mount. On a TPU pod JAX itself finds the other
# processes.
set -euo pipefail
if (($# < 3)); then
  echo "usage: launch/tpu_vm.sh NAME ZONE --config=... --workdir=..." >&2
  exit 2
fi
name=$1 zone=$2
shift 2
gcloud compute tpus tpu-vm ssh "$name" --zone="$zone" --worker=all \
  --command="cd ~/regrad-jax && .venv/bin/regrad train --coordinator=auto $(printf '%q ' "$@")"
