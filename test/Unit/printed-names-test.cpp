//===- printed-names-test.cpp - Names and lines of printed programs ----------===//

#include "lib/Runtime/Printed/Names.h"

#include <cstdio>

using namespace bitpipe::printed;

static int failures = 0;

static void expect(const std::string &got, const std::string &expected) {
  if (got == expected)
    return;
  ++failures;
  std::fprintf(stderr, "failed: got '%s', expected '%s'\n", got.c_str(), expected.c_str());
}

static void testNames() {
  Names names;
  expect(names.add("saved 0"), "saved_0");
  expect(names.add("saved.0"), "saved_0_2");
  expect(names.add("saved_0_2"), "saved_0_2_2");
  expect(names.add("int"), "int_2");
  expect(names.add("0 a"), "x0_a");
  expect(names.add("__a__b"), "x_a_b");
  expect(names.add(""), "x");
  Names inner = names;
  expect(inner.add("saved 0"), "saved_0_3");
  expect(names.add("saved 0"), "saved_0_3");
}

static void testTexts() {
  expect(quoted("a\"b\\"), "\"a\\\"b\\\\\"");
  expect(commentText("a\nb\\"), "a b ");
}

static void testCalls() {
  expect(callText(2, "f", {}), "  f();\n");
  expect(callText(0, "f", {"a", "b"}, ") {"), "f(a, b) {\n");
  std::string long1(60, 'a'), long2(60, 'b');
  expect(callText(2, "f", {long1, long2}), "  f(" + long1 + ",\n      " + long2 + ");\n");
}

int main() {
  testNames();
  testTexts();
  testCalls();
  return failures != 0;
}
