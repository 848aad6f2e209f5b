//===- Pipe.h - The pipe dialect -------------------------------------------===//
//
// Declares the dialect's types, attributes and operations. What each of them
// means is documented in the .td files beside this header.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_DIALECT_PIPE_IR_PIPE_H
#define BITPIPE_DIALECT_PIPE_IR_PIPE_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "lib/Dialect/Pipe/IR/AttentionSizes.h"
#include "lib/Dialect/Pipe/IR/PipeDialect.h.inc"
#include "lib/Dialect/Pipe/IR/PipeEnums.h.inc"

#define GET_TYPEDEF_CLASSES
#include "lib/Dialect/Pipe/IR/PipeTypes.h.inc"

#define GET_ATTRDEF_CLASSES
#include "lib/Dialect/Pipe/IR/PipeAttributes.h.inc"

#define GET_OP_CLASSES
#include "lib/Dialect/Pipe/IR/PipeOps.h.inc"

#endif // BITPIPE_DIALECT_PIPE_IR_PIPE_H
