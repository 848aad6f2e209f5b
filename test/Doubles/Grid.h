//===- Grid.h - Runs a grid of threads on this host ---------------------------===//
#ifndef BITPIPE_TEST_DOUBLES_GRID_H
#define BITPIPE_TEST_DOUBLES_GRID_H
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
struct Launch { const char *name; void (*entry)(void *const *); void *const *arguments; int64_t grid, block, shared; };
using AccessCheck = std::function<bool(void *, int64_t, bool)>;
std::optional<std::string> runGrid(const Launch &, const AccessCheck &allowed);
#endif
