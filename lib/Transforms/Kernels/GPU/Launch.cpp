//===- Launch.cpp - A kernel as launches of blocks of threads --------------===//

#include "lib/Transforms/Kernels/GPU/Launch.h"
#include "lib/Transforms/Kernels/FastMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace bitpipe;
using bitpipe::grid::Values;
using bitpipe::grid::LaunchWriter;

LaunchWriter::LaunchWriter(func::FuncOp function, int64_t sharedSpace)
    : source(function), sharedSpace(sharedSpace), b(function.getContext()) {
  kernel.name = function.getName().str();
}

/// Memory of bytes as an argument; how many becomes known when the launch ends.
static BlockArgument addBytes(func::FuncOp function, Attribute space) {
  auto type = MemRefType::get({0}, IntegerType::get(function.getContext(), 8),
                              MemRefLayoutAttrInterface(), space);
  (void)function.insertArgument(function.getNumArguments(), type, {}, function.getLoc());
  return function.getArguments().back();
}

Operation *LaunchWriter::begin(Operation *op, int64_t grid, int64_t block) {
  unsigned number = kernel.launches.size();
  std::string name = kernel.name + (number ? "_" + std::to_string(number) : "");
  b.setInsertionPoint(source); // in their order
  auto body = func::FuncOp::create(b, source.getLoc(), name + Launch::suffix.str(), source.getFunctionType());
  if (ArrayAttr attributes = source.getAllArgAttrs())
    body.setAllArgAttrs(attributes);
  launch = {body, grid, block};
  if (opOfScratch != op)
    opOfScratch = op;
  scratchUsed = 0;
  b.setInsertionPointToStart(body.addEntryBlock());
  IRMapping mapping;
  mapping.map(source.getArguments(), body.getArguments());
  for (Operation &other : source.getBody().front())
    if (isa<arith::ConstantOp, memref::GetGlobalOp>(other))
      b.clone(other, mapping);
  addBytes(body, Attribute());
  addBytes(body, sharedSpace ? b.getI64IntegerAttr(sharedSpace) : Attribute());
  copy = b.clone(*op, mapping);
  b.setInsertionPoint(copy);
  return copy;
}

static void setBytes(BlockArgument bytes, int64_t count) {
  auto type = cast<MemRefType>(bytes.getType());
  bytes.setType(MemRefType::get({count}, type.getElementType(), type.getLayout(),
                                type.getMemorySpace()));
}

void LaunchWriter::end() {
  func::FuncOp body = launch.body;
  b.setInsertionPoint(copy);
  func::ReturnOp::create(b, copy->getLoc());
  copy->erase();
  kernel.scratch = std::max(kernel.scratch, scratchUsed);
  setBytes(body.getArguments().drop_back().back(), scratchUsed);
  setBytes(body.getArguments().back(), launch.shared);
  body.setFunctionType(b.getFunctionType(body.getBody().getArgumentTypes(), {}));
  kernel.launches.push_back(launch);
}

Value LaunchWriter::index(int64_t value) {
  return arith::ConstantIndexOp::create(b, location(), value);
}
Value LaunchWriter::thread() {
  return gpu::ThreadIdOp::create(b, location(), gpu::Dimension::x);
}
Value LaunchWriter::block() {
  return gpu::BlockIdOp::create(b, location(), gpu::Dimension::x);
}
Value LaunchWriter::globalThread() { return add(mul(block(), launch.block), thread()); }

Value LaunchWriter::view(BlockArgument bytes, int64_t offset, MemRefType type) {
  return memref::ViewOp::create(b, location(), type, bytes, index(offset), ValueRange());
}

static int64_t bytesOf(ArrayRef<int64_t> shape, Type element) {
  return ShapedType::getNumElements(shape) * llvm::divideCeil(element.getIntOrFloatBitWidth(), 8);
}

constexpr int64_t memoryAlignment = 16; // bytes

Value LaunchWriter::scratch(ArrayRef<int64_t> shape, Type element) {
  int64_t offset = scratchUsed;
  scratchUsed += llvm::alignTo(bytesOf(shape, element), memoryAlignment);
  return view(launch.body.getArguments().drop_back().back(), offset, MemRefType::get(shape, element));
}

Value LaunchWriter::shared(ArrayRef<int64_t> shape, Type element) {
  int64_t offset = launch.shared;
  launch.shared += llvm::alignTo(bytesOf(shape, element), memoryAlignment);
  BlockArgument bytes = launch.body.getArguments().back();
  auto space = cast<MemRefType>(bytes.getType()).getMemorySpace();
  return view(bytes, offset, MemRefType::get(shape, element, MemRefLayoutAttrInterface(), space));
}

void LaunchWriter::barrier() {
  launch.exchanges = true;
  gpu::BarrierOp::create(b, location());
}

void LaunchWriter::when(Value condition, function_ref<void()> body) {
  auto branch = scf::IfOp::create(b, location(), condition);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(branch.thenYield());
  body();
}

Value LaunchWriter::less(Value x, Value y) {
  return arith::CmpIOp::create(b, location(), arith::CmpIPredicate::slt, x, y);
}
Value LaunchWriter::add(Value x, Value y) { return arith::AddIOp::create(b, location(), x, y); }
Value LaunchWriter::mul(Value x, int64_t factor) {
  return factor == 1 ? x : arith::MulIOp::create(b, location(), x, index(factor)).getResult();
}
Value LaunchWriter::quotient(Value x, int64_t divisor) {
  return divisor == 1 ? x : arith::DivUIOp::create(b, location(), x, index(divisor)).getResult();
}
Value LaunchWriter::remainder(Value x, int64_t divisor) {
  return divisor == 1 ? index(0) : arith::RemUIOp::create(b, location(), x, index(divisor)).getResult();
}

/// Division of 64 bits takes a GPU tens of instructions, one of 32 bits a few.
Values LaunchWriter::takeApart(Value number, ArrayRef<int64_t> sizes) {
  Location loc = location();
  int64_t count = 1;
  for (int64_t size : sizes)
    count *= size;
  bool isShort = count <= INT32_MAX;
  Type type = isShort ? Type(b.getI32Type()) : b.getIndexType();
  Value rest = isShort ? arith::IndexCastOp::create(b, loc, type, number).getResult() : number;
  Values steps(sizes.size());
  for (unsigned d = sizes.size(); d-- > 0;) {
    Value size = arith::ConstantOp::create(b, loc, b.getIntegerAttr(type, sizes[d]));
    Value step = d == 0 ? rest : arith::RemUIOp::create(b, loc, rest, size).getResult();
    if (d > 0)
      rest = arith::DivUIOp::create(b, loc, rest, size);
    steps[d] = isShort ? arith::IndexCastUIOp::create(b, loc, b.getIndexType(), step).getResult() : step;
  }
  return steps;
}

Values LaunchWriter::forLoop(Value begin, Value end, int64_t step, Values carried,
                             function_ref<Values(Value, Values)> body) {
  auto loop = scf::ForOp::create(b, location(), begin, end, index(step), carried);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Values next = body(loop.getInductionVar(), Values(loop.getRegionIterArgs()));
  if (!carried.empty())
    scf::YieldOp::create(b, location(), next);
  return Values(loop.getResults());
}

//===----------------------------------------------------------------------===//
// What threads exchange
//===----------------------------------------------------------------------===//

Value LaunchWriter::shuffled(Value word, int64_t mask) {
  auto number = [&](int32_t value) -> Value {
    return arith::ConstantOp::create(b, location(), b.getI32IntegerAttr(value));
  };
  launch.exchanges = true;
  return gpu::ShuffleOp::create(b, location(), word, number(mask), number(warp),
                                        gpu::ShuffleMode::XOR)
      .getShuffleResult();
}

/// What the thread holds whose number differs from this one's by the bits of `mask`.
Value LaunchWriter::fromOther(Value value, int64_t mask) {
  Location loc = location();
  Type type = value.getType(), word = b.getI32Type();
  unsigned bits = type.getIntOrFloatBitWidth();
  Type whole = b.getIntegerType(bits);
  if (type != whole)
    value = arith::BitcastOp::create(b, loc, whole, value);
  Value result;
  if (bits == 64) {
    Value half = arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(32));
    Value upper = arith::ShRUIOp::create(b, loc, value, half);
    Value halves[] = {value, upper};
    for (Value &part : halves) {
      part = shuffled(arith::TruncIOp::create(b, loc, word, part), mask);
      part = arith::ExtUIOp::create(b, loc, whole, part);
    }
    result = arith::OrIOp::create(b, loc, halves[0], arith::ShLIOp::create(b, loc, halves[1], half));
  } else {
    Value wide = bits == 32 ? value : arith::ExtUIOp::create(b, loc, word, value).getResult();
    result = shuffled(wide, mask);
    if (bits < 32)
      result = arith::TruncIOp::create(b, loc, whole, result);
  }
  return type == whole ? result : arith::BitcastOp::create(b, loc, type, result).getResult();
}

static Value combined(OpBuilder &b, Location loc, vector::CombiningKind kind, Value x, Value y) {
  return vector::makeArithReduction(b, loc, kind, x, y);
}

Value LaunchWriter::combineLanes(Value value, vector::CombiningKind kind, Value neutral,
                                 int64_t lanes) {
  auto inWarp = [&](Value v, int64_t count) {
    for (int64_t mask = count / 2; mask > 0; mask /= 2)
      v = combined(b, location(), kind, v, fromOther(v, mask));
    return v;
  };
  value = inWarp(value, std::min(lanes, warp));
  if (lanes <= warp)
    return value;
  // Every warp leaves its part; every warp combines all parts in the same order.
  int64_t warps = lanes / warp;
  Value parts = shared({warps}, value.getType());
  Value lane = remainder(thread(), warp);
  Value isFirst = arith::CmpIOp::create(b, location(), arith::CmpIPredicate::eq, lane, index(0));
  Value mine = quotient(thread(), warp);
  when(isFirst, [&] { memref::StoreOp::create(b, location(), value, parts, mine); });
  barrier();
  int64_t spread = llvm::PowerOf2Ceil(warps);
  Value at = spread == warp ? lane : remainder(thread(), spread);
  Value there = less(at, index(warps));
  Value safe = arith::SelectOp::create(b, location(), there, at, index(0));
  Value part = memref::LoadOp::create(b, location(), parts, safe);
  if (warps < spread)
    part = arith::SelectOp::create(b, location(), there, part, neutral);
  return inWarp(part, spread);
}
