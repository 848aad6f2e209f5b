//===- Checked.h - Sums and products that may leave int64 ------------------===//

#ifndef BITPIPE_RUNTIME_PLAN_CHECKED_H
#define BITPIPE_RUNTIME_PLAN_CHECKED_H

#include <cstdint>
#include <optional>

namespace bitpipe {

/// A number computed from those of a plan, which may be any: once a sum or a
/// product leaves int64, all that is made of it has no value.
class Checked {
public:
  Checked(int64_t value) : value(value) {}

  friend Checked operator+(Checked a, Checked b) {
    return a.combined(b, [](int64_t x, int64_t y, int64_t &out) {
      return __builtin_add_overflow(x, y, &out);
    });
  }
  friend Checked operator*(Checked a, Checked b) {
    return a.combined(b, [](int64_t x, int64_t y, int64_t &out) {
      return __builtin_mul_overflow(x, y, &out);
    });
  }

  std::optional<int64_t> get() const { return value; }
  /// Whether it has a value of 0 to `most`.
  bool within(int64_t most) const {
    return value && *value >= 0 && *value <= most;
  }

private:
  template <typename Overflows>
  Checked combined(Checked other, Overflows overflows) const {
    Checked result(0);
    if (!value || !other.value || overflows(*value, *other.value, *result.value))
      result.value.reset();
    return result;
  }

  std::optional<int64_t> value;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_PLAN_CHECKED_H
