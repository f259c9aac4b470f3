#!/usr/bin/env bash
# submitit 1.5.4: a job of the local executor that is still running is "done" to every process but the
# one that submitted it (LocalJob(folder, job_id)), although a job of SLURM can be taken up in this way.
# Seen: in the submitting process RUNNING, not done; in another one NO PROCESS AND NO RESULT, done,
# seconds before the job wrote its file; result() of the other one waits, and gives 42.
# It exits with status 1 if this is no longer what is seen.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check submitit==1.5.4
cd "$folder"
cat >work.py <<'PYTHON'
import pathlib
import time


def work():
    time.sleep(8)
    pathlib.Path("done").touch()
    return 42
PYTHON
cat >submit.py <<'PYTHON'
import subprocess
import sys
import time

import submitit
from work import work

executor = submitit.LocalExecutor(folder="jobs")
executor.update_parameters(timeout_min=2)
job = executor.submit(work)
time.sleep(3)
print("submitting process:", job.state, "done", job.done(), flush=True)
again = [sys.executable, "again.py", job.job_id]
print(subprocess.run(again, capture_output=True, text=True, check=True).stdout, end="")
print("submitting process, result:", job.result())
PYTHON
cat >again.py <<'PYTHON'
import pathlib
import sys

import submitit

job = submitit.LocalJob("jobs", sys.argv[1])
print("another process:", job.state, "done", job.done(), "file", pathlib.Path("done").exists())
print("another process, result:", job.result())
PYTHON
PYTHONPATH="$folder" "$folder/env/bin/python" submit.py | tee seen
grep -q "^submitting process: RUNNING done False$" seen
grep -q "^another process: NO PROCESS AND NO RESULT done True file False$" seen
grep -q "^another process, result: 42$" seen
