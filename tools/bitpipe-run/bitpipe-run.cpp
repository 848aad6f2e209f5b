//===- bitpipe-run.cpp - Trains a compiled plan ---------------------------===//

#include "tools/bitpipe-run/Run.h"

int main(int argc, char **argv) { return bitpipe::runTool(argc, argv, nullptr); }
