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
template <auto convert, typename From, typename To>
void convertFloats(const char *source, char *target, int64_t count) {
  for (int64_t i = 0; i < count; ++i) { // of files: at any address
    From from;
    std::memcpy(&from, source + i * sizeof(From), sizeof(From));
    To to = convert(from);
    std::memcpy(target + i * sizeof(To), &to, sizeof(To));
  }
}

inline void copyFloats(const char *source, char *target, int64_t count) {
  std::memcpy(target, source, count * sizeof(float));
}

inline double toDouble(float value) { return value; }

/// How a type is read and written, by the number of its StoredFloat.
using Conversion = void (*)(const char *source, char *target, int64_t count);
inline constexpr struct {
  Conversion read, write;
} conversions[] = {
    {copyFloats, copyFloats},
    {convertFloats<fromHalf, uint16_t, float>, convertFloats<toHalf, float, uint16_t>},
    {convertFloats<fromBrain, uint16_t, float>, convertFloats<toBrain, float, uint16_t>},
    {convertFloats<fromDouble, double, float>, convertFloats<toDouble, float, double>},
};
} // namespace detail

/// Reads `count` elements as f32.
inline void readFloats(StoredFloat type, const char *source, char *target,
                       int64_t count) {
  detail::conversions[int(type)].read(source, target, count);
}

/// Writes `count` elements of f32, rounded to nearest.
inline void writeFloats(StoredFloat type, const char *source, char *target,
                        int64_t count) {
  detail::conversions[int(type)].write(source, target, count);
}

} // namespace bitpipe

#endif // BITPIPE_FILES_FLOATS_H
