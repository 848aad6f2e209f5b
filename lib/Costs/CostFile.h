//===- CostFile.h - Costs from a JSON file -----------------------*- C++ -*-===//

#ifndef BITPIPE_COSTS_COSTFILE_H
#define BITPIPE_COSTS_COSTFILE_H

#include "lib/Transforms/Schedule/Core/Costs.h"

#include "llvm/ADT/StringRef.h"

namespace bitpipe {

/// Reads costs from a JSON file, for this many devices:
///
///     {"stages": [{"F": 2e-3, "I": 2.1e-3, "W": 1.9e-3, "B": 4e-3, "recompute": 2e-3,
///                  "pair": 0.8, "activation": 3e8, "kept": 2e8, "input": 1e7, "message": 1e7,
///                  "state": 4e9, "weights": 1e9, "gathered": 5e8, "gradients": 1e9, "sum": 5e-3,
///                  "holders": 2, "norm": 1e-4, "optimizer": 2e-3}, ...],
///      "shared": [{"stages": [0, 7], "sum": 1e-3}],
///      "memory": 8e10, "buffers": 1e9, "feed": 1e-3, "threads": 1, "samples": 4,
///      "model": "0123456789abcdef",
///      "links": {"latency": 5e-6, "bandwidth": 2e11, "host": {"bandwidth": 2e10},
///                "nodes": {"devices": 8, "bandwidth": 2e10},
///                "pairs": [{"from": 0, "to": 1, "latency": 1e-5}]}}
///
/// `stages` is a list with one entry per stage, or one entry for all; `memory` and
/// `buffers` one number, or a list with one per device. `nodes` are so many devices
/// each, with other links between them; `pairs` have links of their own; `host` is the
/// link of each device to its host, for activations that it keeps. What a
/// link leaves out it has in common with the others. `threads` is how many of a device
/// the times were measured with, `samples` are those of the micro-batch that times and sizes are
/// of, `model` which model they are of (modelHash), where that is told. Needed are F and either B or I
/// and W, which are 0 where a stage trains nothing, or computes all in one; `recompute` is
/// as long as F where it is not given, `input` and `weights` 0, `gathered` and `gradients`
/// `weights`; without `pair`, which all
/// stages have or none, the two of a pair run one after the other;
/// `activation` where memory is given, `message` where a bandwidth is.
/// Units are the user's, as long as a bandwidth is in those of sizes and times.
/// Fails with the place, what is there and what is expected.
schedule::ErrorOr<schedule::Costs> readCosts(llvm::StringRef path, int devices);

/// The text of such a file, marked as written by bitpipe.
std::string textOf(const schedule::Costs &costs);

} // namespace bitpipe

#endif // BITPIPE_COSTS_COSTFILE_H
