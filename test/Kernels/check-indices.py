"""Follows indices outside of their table through the kernels of
index-check.mlir, and compares what is on record."""

import ctypes
import json
import sys

import torch

from loaded import load

KERNELS = load(*sys.argv[1:])
LIBRARY = KERNELS.library
RECORD = (ctypes.c_int64 * 5).in_dll(LIBRARY, "bitpipe_index_record")
GUARD = 1 << 16  # elements around a table that nobody may touch
failures = 0


def call(name, *tensors):
    KERNELS.run(name, [t.data_ptr() for t in tensors])


def expect(what, got, wanted):
    global failures
    if got != wanted:
        print(f"{what}: got {got}, expected {wanted}", file=sys.stderr)
        failures += 1


def record():
    """What is on record, which is cleared: how many, parts, value, position, of which indices."""
    found, site, value, position, address = RECORD
    RECORD[:] = [0] * 5
    if not found:
        return None
    text = ctypes.string_at(ctypes.addressof(ctypes.c_char.in_dll(LIBRARY, f"bitpipe_index_site_{site}")))
    return found, json.loads(text), value, position, address


table = torch.arange(20.0).reshape(5, 4)
parts = {"what": "index", "name": "", "shape": [2, 3], "expected": "-5 to 4"}
for bad in (5, -6, 2**31, 2**32 + 1, -2**63, 2**63 - 1):
    y = torch.full((2, 3, 4), -1.0)
    ids = torch.tensor([[0, 4, -5], [-1, bad, 1]])
    call("gather", table, ids, y)
    expect(f"gather of {bad}", record(), (1, parts, bad, 4, ids.data_ptr()))
    expect("rows", torch.equal(y, table[torch.tensor([[0, 4, 0], [4, 0, 1]])]), True)
    room = torch.zeros(GUARD + 20 + GUARD)
    call("gather_grad", torch.ones(2, 3, 4), ids, room[GUARD:])
    expect(f"gather_grad of {bad}", record(), None)
    expect("touched outside", room[:GUARD].any().item() or room[GUARD + 20:].any().item(), False)

ids = torch.tensor([[0, 7, 8], [1, 2, -9]])
call("gather", table, ids, torch.empty(2, 3, 4))
expect("the first of three", record(), (3, parts, 7, 1, ids.data_ptr()))
ids = torch.tensor([[0, 4, -5], [-1, -2**31, 9]], dtype=torch.int32)
call("gather_narrow", table[:, 0].contiguous(), ids, torch.empty(2, 3))
expect("narrow ids", record(), (2, parts, -2**31, 4, ids.data_ptr()))
call("gather", table, torch.zeros(2, 3, dtype=torch.int64), torch.empty(2, 3, 4))
expect("good ids", record(), None)

logits = torch.randn(3, 5)
parts = {"what": "label", "name": "", "shape": [3], "expected": "0 to 4 or -100"}
for bad in (5, -1, -101, 2**40):
    labels, loss, lse = torch.tensor([2, bad, -100]), torch.zeros(()), torch.zeros(3)
    call("cross_entropy", logits, labels, loss, lse)
    expect(f"label {bad}", record(), (1, parts, bad, 1, labels.data_ptr()))
    room = torch.zeros(GUARD + 15 + GUARD)
    call("cross_entropy_grad", torch.ones(()), logits, labels, lse, room[GUARD:])
    expect(f"gradient of label {bad}", record(), None)
    expect("touched outside", room[:GUARD].any().item() or room[GUARD + 15:].any().item(), False)
    expect("gradient", room[GUARD + 5:GUARD + 15].any().item(), False)
sys.exit(failures != 0)
