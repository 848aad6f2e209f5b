//===- IndexCheck.cpp - Indices from data are checked where they are used --===//

#include "lib/Transforms/Kernels/IndexCheck.h"

#include "lib/Dialect/Pipe/IR/Names.h"
#include "lib/Runtime/ABI.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

using namespace mlir;
using namespace bitpipe;

/// The record of the first index outside, one for all kernels of a module.
static memref::GlobalOp findRecord(ModuleOp module, Location loc) {
  if (auto known = module.lookupSymbol<memref::GlobalOp>(abi::indexRecord))
    return known;
  auto b = OpBuilder::atBlockBegin(module.getBody());
  auto type = MemRefType::get({abi::indexRecordFields}, b.getI64Type());
  auto zero = DenseElementsAttr::get(
      RankedTensorType::get(type.getShape(), type.getElementType()), int64_t(0));
  return memref::GlobalOp::create(b, loc, abi::indexRecord, StringAttr(), type,
                                  zero, /*constant=*/false, IntegerAttr());
}

/// Adds the text of a message's parts to the module and returns its number.
static int64_t addSite(ModuleOp module, Operation *op, const IndexSite &site,
                       ArrayRef<int64_t> shape) {
  llvm::json::Object parts{{"what", site.what},
                           {"expected", site.expected},
                           {"name", llvm::json::fixUTF8(innermostName(op->getLoc()))},
                           {"shape", llvm::json::Array(shape)}};
  std::string text = llvm::formatv("{0}", llvm::json::Value(std::move(parts)));
  int64_t number = 0;
  while (module.lookupSymbol(abi::indexSite + std::to_string(number)))
    ++number;
  auto b = OpBuilder::atBlockBegin(module.getBody());
  ArrayRef<char> bytes(text.c_str(), text.size() + 1);
  auto type = RankedTensorType::get({int64_t(bytes.size())}, b.getI8Type());
  memref::GlobalOp::create(
      b, op->getLoc(), abi::indexSite + std::to_string(number), StringAttr(),
      MemRefType::get(type.getShape(), type.getElementType()),
      DenseElementsAttr::getFromRawBuffer(type, bytes), /*constant=*/true,
      IntegerAttr());
  return number;
}

/// The number of an element in row-major order.
static Value linear(OpBuilder &b, Location loc, ValueRange place,
                    ArrayRef<int64_t> shape) {
  Value sum = arith::ConstantIndexOp::create(b, loc, 0);
  for (auto [at, extent] : llvm::zip(place, shape)) {
    Value size = arith::ConstantIndexOp::create(b, loc, extent);
    sum = arith::AddIOp::create(b, loc, arith::MulIOp::create(b, loc, sum, size), at);
  }
  return sum;
}

void bitpipe::recordUnless(OpBuilder &b, Operation *op, const IndexSite &site,
                           Value inside, Value value, ValueRange place) {
  Location loc = op->getLoc();
  auto module = op->getParentOfType<ModuleOp>();
  memref::GlobalOp record = findRecord(module, loc);
  ArrayRef<int64_t> shape = cast<MemRefType>(site.indices.getType()).getShape();
  int64_t number = addSite(module, op, site, shape);
  OpBuilder::InsertionGuard guard(b);
  auto integer = [&](int64_t n) -> Value {
    return arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(n));
  };
  Value yes = arith::ConstantOp::create(b, loc, b.getBoolAttr(true));
  Value outside = arith::XOrIOp::create(b, loc, inside, yes);
  b.setInsertionPoint(scf::IfOp::create(b, loc, outside).thenYield());
  Value fields = memref::GetGlobalOp::create(b, loc, record.getType(), record.getSymName());
  // Several devices may come here at once: who adds the first one writes. The
  // lowering yields what was there before.
  Value found = arith::ConstantIndexOp::create(b, loc, abi::indexFound);
  Value before = memref::AtomicRMWOp::create(b, loc, arith::AtomicRMWKind::addi,
                                             integer(1), fields, found);
  Value isFirst = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, before,
                                        integer(0));
  b.setInsertionPoint(scf::IfOp::create(b, loc, isFirst).thenYield());
  auto write = [&](int64_t field, Value what) {
    if (what.getType() != b.getI64Type())
      what = arith::IndexCastOp::create(b, loc, b.getI64Type(), what);
    memref::StoreOp::create(b, loc, what, fields,
                            arith::ConstantIndexOp::create(b, loc, field).getResult());
  };
  write(abi::indexSiteField, integer(number));
  write(abi::indexValue, value);
  write(abi::indexPosition, linear(b, loc, place, shape));
  write(abi::indexAddress,
        memref::ExtractAlignedPointerAsIndexOp::create(b, loc, site.indices));
}
