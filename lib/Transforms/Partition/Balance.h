//===- Balance.h - Divides a line of costs into stages ---------------------===//
//
// Works on numbers alone: atoms in a fixed order, each with a cost, and for
// every place between two atoms the bytes that a cut there would carry.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_PARTITION_BALANCE_H
#define BITPIPE_TRANSFORMS_PARTITION_BALANCE_H

#include <cstddef>
#include <span>
#include <vector>

namespace bitpipe {

/// The least possible cost of the costliest of `stages` consecutive parts, none
/// of them empty. Exact. Expects 1 <= stages <= cost.size() and no negative
/// cost.
double slowestStage(std::span<const double> cost, size_t stages);

/// The first atom of every stage. Among all divisions whose slowest stage costs
/// at most 1 + tolerance times the least possible, one that carries the fewest
/// bytes over all cuts, and among those the most even one (least squares).
/// `carried[i]` holds the bytes of a cut before atom i; carried[0] is unused.
std::vector<size_t> balance(std::span<const double> cost,
                            std::span<const double> carried, size_t stages,
                            double tolerance);

/// What halving the bytes of one cut is worth, as a share of the slowest stage.
constexpr double halvingWorth = 0.03;

/// The same with messages in mind. Of the divisions that balance() finds for
/// tolerances from `tolerance` to `most`, the one with the least slowest stage
/// after each cut has added halvingWorth of the least possible one for every
/// doubling of its bytes: so no cut carries five times what its neighbour would
/// for less than 7% of the slowest stage. The least tolerance wins a tie.
std::vector<size_t> balanceMessages(std::span<const double> cost,
                                    std::span<const double> carried,
                                    size_t stages, double tolerance, double most);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_PARTITION_BALANCE_H
