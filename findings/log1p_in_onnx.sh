#!/usr/bin/env bash
# torch.onnx.export (torch 2.13.0, onnxscript 0.7.2) writes torch.log1p(x) as Log(1 + x), and
# torch.expm1(x) as Exp(x) - 1: small arguments lose their digits, those below 6e-8 all of them.
# Seen: relative error at 1e-2, 1e-4, 1e-8 about 1e-6, 1e-4, 1 in onnxruntime 1.32.0; torch 4e-8
# It exits with status 1 if this is no longer what is seen.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check \
    numpy==2.4.2 torch==2.13.0 onnx==1.23.2 onnxscript==0.7.2 onnxruntime==1.32.0
cd "$folder"
"$folder/env/bin/python" - <<'PYTHON'
import warnings

import numpy as np
import onnxruntime
import torch

warnings.simplefilter("ignore")


class Both(torch.nn.Module):
    def forward(self, x):
        return torch.log1p(x), torch.expm1(x)


x = torch.tensor([1.0123e-2, 1.0123e-4, 1.0123e-8])
torch.onnx.export(Both(), (x,), "both.onnx", dynamo=True, verbose=False)
session = onnxruntime.InferenceSession("both.onnx")
(name,) = [argument.name for argument in session.get_inputs()]
exact = [f(x.double().numpy()) for f in (np.log1p, np.expm1)]
lost = []
for found, right in zip(session.run(None, {name: x.numpy()}), exact):
    lost.append(np.abs(found / right - 1))
    print("onnxruntime", lost[-1])
kept = [np.abs(found.numpy() / right - 1).max() for found, right in zip(Both()(x), exact)]
print("torch", kept)
assert max(kept) < 1e-6
assert all(error[1] > 1e-5 and error[2] == 1 for error in lost)
PYTHON
