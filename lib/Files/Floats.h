//===- Floats.h - Other float types, to and from f32 ----------------------===//
//
// What a model or checkpoint holds in half or double precision is computed in
// f32. Shared by the compiler, which reads models, and the runtime, which loads
// and saves.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_FILES_FLOATS_H
#define BITPIPE_FILES_FLOATS_H

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

namespace bitpipe {

inline float fromHalf(uint16_t bits) {
  return float(std::bit_cast<_Float16>(bits));
}
/// Rounds to nearest, ties to even.
inline uint16_t toHalf(float value) {
  return std::bit_cast<uint16_t>(_Float16(value));
}

inline float fromBrain(uint16_t bits) {
  return std::bit_cast<float>(uint32_t(bits) << 16);
}
/// Rounds to nearest, ties to even.
inline uint16_t toBrain(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  if (std::isnan(value))
    return uint16_t(bits >> 16) | 0x40; // quiet, and no infinity
  return uint16_t((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

/// A finite number stays finite, so that the smallest double, as a mask, still
/// differs from minus infinity.
inline float fromDouble(double value) {
  constexpr double most = std::numeric_limits<float>::max();
  return float(std::isfinite(value) ? std::clamp(value, -most, most) : value);
}

/// How the elements of a file are stored.
enum class StoredFloat { F32, F16, BF16, F64 };

inline int64_t sizeOf(StoredFloat type) {
  return type == StoredFloat::F64 ? 8 : type == StoredFloat::F32 ? 4 : 2;
}
inline const char *nameOf(StoredFloat type) {
  constexpr const char *names[] = {"F32", "F16", "BF16", "F64"};
  return names[int(type)];
}

namespace detail {
template <typename From, typename To, typename Convert>
void convertFloats(const char *source, char *target, int64_t count,
                   Convert convert) {
  for (int64_t i = 0; i < count; ++i) { // of files: at any address
    From from;
    std::memcpy(&from, source + i * sizeof(From), sizeof(From));
    To to = convert(from);
    std::memcpy(target + i * sizeof(To), &to, sizeof(To));
  }
}
} // namespace detail

/// Reads `count` elements as f32.
inline void readFloats(StoredFloat type, const char *source, char *target,
                       int64_t count) {
  switch (type) {
  case StoredFloat::F32:
    std::memcpy(target, source, count * sizeof(float));
    return;
  case StoredFloat::F16:
    return detail::convertFloats<uint16_t, float>(source, target, count, fromHalf);
  case StoredFloat::BF16:
    return detail::convertFloats<uint16_t, float>(source, target, count, fromBrain);
  case StoredFloat::F64:
    return detail::convertFloats<double, float>(source, target, count, fromDouble);
  }
}

/// Writes `count` elements of f32, rounded to nearest.
inline void writeFloats(StoredFloat type, const char *source, char *target,
                        int64_t count) {
  switch (type) {
  case StoredFloat::F32:
    std::memcpy(target, source, count * sizeof(float));
    return;
  case StoredFloat::F16:
    return detail::convertFloats<float, uint16_t>(source, target, count, toHalf);
  case StoredFloat::BF16:
    return detail::convertFloats<float, uint16_t>(source, target, count, toBrain);
  case StoredFloat::F64:
    return detail::convertFloats<float, double>(
        source, target, count, [](float value) { return double(value); });
  }
}

} // namespace bitpipe

#endif // BITPIPE_FILES_FLOATS_H
