//===- PipeDialect.cpp - Registration, types and attributes ----------------===//

#include "lib/Dialect/Pipe/IR/Pipe.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

#include "lib/Dialect/Pipe/IR/PipeDialect.cpp.inc"
#include "lib/Dialect/Pipe/IR/PipeEnums.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "lib/Dialect/Pipe/IR/PipeTypes.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "lib/Dialect/Pipe/IR/PipeAttributes.cpp.inc"

using namespace bitpipe::pipe;

void PipeDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "lib/Dialect/Pipe/IR/PipeTypes.cpp.inc"
      >();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "lib/Dialect/Pipe/IR/PipeAttributes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "lib/Dialect/Pipe/IR/PipeOps.cpp.inc"
      >();
}
