//===- check.h - What unit tests check, counted -----------------*- C++ -*-===//

#ifndef BITPIPE_TEST_UNIT_CHECK_H
#define BITPIPE_TEST_UNIT_CHECK_H

#include <cstdio>
#include <string>

inline int failures = 0;

inline void check(bool good, const std::string &what) {
  if (good)
    return;
  std::printf("wrong: %s\n", what.c_str());
  ++failures;
}

#endif // BITPIPE_TEST_UNIT_CHECK_H
