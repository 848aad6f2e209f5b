//===- Error.h - A value, or one line that says why not ----------*- C++ -*-===//
//
// Schedules are built from what a user asked for, so failing is ordinary. The
// text of an error says what was got and what was expected, in one line.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_CORE_ERROR_H
#define BITPIPE_TRANSFORMS_SCHEDULE_CORE_ERROR_H

#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace bitpipe::schedule {

struct Error {
  std::string text;
};

template <typename T>
class ErrorOr {
public:
  ErrorOr(T value) : state(std::move(value)) {}
  ErrorOr(Error error) : state(std::move(error)) {}
  /// From what a T is made of without being asked.
  template <typename From>
    requires(std::is_convertible_v<From, T> && !std::is_same_v<From, T>)
  ErrorOr(From value) : state(T(std::move(value))) {}

  explicit operator bool() const { return std::holds_alternative<T>(state); }
  T &operator*() { return std::get<T>(state); }
  const T &operator*() const { return std::get<T>(state); }
  T *operator->() { return &std::get<T>(state); }
  const T *operator->() const { return &std::get<T>(state); }
  const Error &error() const { return std::get<Error>(state); }

private:
  std::variant<T, Error> state;
};

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_CORE_ERROR_H
