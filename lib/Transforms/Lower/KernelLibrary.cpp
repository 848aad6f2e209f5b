//===- KernelLibrary.cpp - The functions of module @kernels ---------------===//

#include "lib/Transforms/Lower/KernelLibrary.h"

#include "lib/Dialect/Pipe/IR/Names.h"
#include "lib/Dialect/Pipe/IR/Pipe.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StructuredOpsUtils.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/Hashing.h"

#include <numeric>

using namespace mlir;
using namespace bitpipe;
using namespace bitpipe::lower;

KernelLibrary::KernelLibrary(ModuleOp parent) {
  auto builder = OpBuilder::atBlockEnd(parent.getBody());
  module = ModuleOp::create(builder, parent.getLoc(), "kernels");
}

//===----------------------------------------------------------------------===//
// Equal functions
//===----------------------------------------------------------------------===//

static size_t hashOf(func::FuncOp function) {
  llvm::hash_code hash = hash_value(function.getFunctionType());
  function.walk([&](Operation *op) {
    if (op != function)
      hash = llvm::hash_combine(
          hash, OperationEquivalence::computeHash(
                    op, OperationEquivalence::ignoreHashValue,
                    OperationEquivalence::ignoreHashValue,
                    OperationEquivalence::IgnoreLocations));
  });
  return hash;
}

/// Whether messages about the indices of two kernels would have one name.
static bool sameIndexNames(func::FuncOp a, func::FuncOp b) {
  auto name = [](func::FuncOp function) {
    StringRef found;
    function.walk([&](Operation *op) {
      if (isa<pipe::GatherOp, pipe::CrossEntropyOp>(op))
        found = innermostName(op->getLoc());
    });
    return found;
  };
  return name(a) == name(b);
}

static bool equal(func::FuncOp a, func::FuncOp b) {
  return sameIndexNames(a, b) && a.getFunctionType() == b.getFunctionType() &&
         OperationEquivalence::isRegionEquivalentTo(
             &a.getBody(), &b.getBody(), OperationEquivalence::IgnoreLocations);
}

/// What is known of the addresses of an argument; alignmentName tells which.
static int64_t alignmentOf(func::FuncOp function, unsigned argument) {
  auto known = function.getArgAttrOfType<IntegerAttr>(argument, alignmentName);
  return known ? known.getInt() : argumentAlignment;
}

static void setAlignment(func::FuncOp function, unsigned argument, int64_t bytes) {
  if (bytes < argumentAlignment)
    function.setArgAttr(argument, alignmentName,
                        Builder(function.getContext()).getI64IntegerAttr(bytes));
}

StringAttr KernelLibrary::intern(func::FuncOp function, StringRef kind) {
  auto builder = OpBuilder::atBlockEnd(&function.getBody().front());
  func::ReturnOp::create(builder, function.getLoc());
  size_t hash = hashOf(function);
  auto [first, last] = functions.equal_range(hash);
  for (auto &entry : llvm::make_range(first, last)) {
    if (!equal(entry.second, function))
      continue;
    for (unsigned i = 0; i < function.getNumArguments(); ++i)
      setAlignment(entry.second, i, std::min(alignmentOf(entry.second, i), alignmentOf(function, i)));
    function.erase();
    return entry.second.getSymNameAttr();
  }
  function.setSymName((kind + "_" + Twine(count++)).str());
  functions.emplace(hash, function);
  return function.getSymNameAttr();
}

func::FuncOp KernelLibrary::makeFunction(Location loc,
                                         ArrayRef<Place> arguments) {
  SmallVector<Type> types;
  for (const Place &place : arguments)
    types.push_back(place.memref());
  auto builder = OpBuilder::atBlockEnd(module.getBody());
  auto type = builder.getFunctionType(types, {});
  auto function = func::FuncOp::create(builder, loc, "kernel", type);
  function.addEntryBlock();
  for (auto [i, place] : llvm::enumerate(arguments))
    setAlignment(function, i, std::gcd(argumentAlignment, place.offset));
  return function;
}

//===----------------------------------------------------------------------===//
// Operations
//===----------------------------------------------------------------------===//

Value KernelLibrary::global(OpBuilder &builder, Location loc,
                            DenseElementsAttr value) {
  auto tensor = cast<RankedTensorType>(value.getType());
  auto type = MemRefType::get(tensor.getShape(), tensor.getElementType());
  StringAttr &name = globals[value];
  if (!name) {
    name = builder.getStringAttr("constant" + Twine(globals.size() - 1));
    auto atStart = OpBuilder::atBlockBegin(module.getBody());
    memref::GlobalOp::create(atStart, loc, name,
                             builder.getStringAttr("private"), type, value,
                             /*constant=*/true, /*alignment=*/IntegerAttr());
  }
  return memref::GetGlobalOp::create(builder, loc, type, name);
}

/// The kind of an operation, for the kernel's name: of fused ones all, in their order.
static std::string kindOf(Operation *op) {
  if (auto fused = dyn_cast<pipe::FusedRowsOp>(op)) {
    SmallVector<std::string> kinds;
    for (auto inner : fused.getBody().getOps<DestinationStyleOpInterface>())
      kinds.push_back(kindOf(inner));
    return llvm::join(kinds, "_");
  }
  auto generic = dyn_cast<linalg::GenericOp>(op);
  if (!generic)
    return op->getName().stripDialect().str();
  if (generic.getNumReductionLoops())
    return "reduce";
  return generic.getBody()->getOperations().size() == 1 ? "broadcast"
                                                        : "elementwise";
}

/// Clones the constants that the operation's region takes from outside.
static LogicalResult cloneCaptured(OpBuilder &builder, Operation *op,
                                   IRMapping &mapping) {
  llvm::SetVector<Value> captured;
  getUsedValuesDefinedAbove(op->getRegions(), captured);
  for (Value value : captured) {
    Operation *constant = value.getDefiningOp();
    if (!constant || !constant->hasTrait<OpTrait::ConstantLike>())
      return emitError(op->getLoc())
             << op->getName() << " uses " << value.getType()
             << " from outside its body, expected constants only";
    mapping.map(value, builder.clone(*constant)->getResult(0));
  }
  return success();
}

/// A linalg.generic on buffers; operands without a buffer (null) are replaced
/// by their scalar in the body.
static void cloneGeneric(OpBuilder &builder, linalg::GenericOp op,
                         ArrayRef<Value> buffers,
                         ArrayRef<KernelOperand> operands, IRMapping mapping) {
  SmallVector<Value> inputs, inits;
  SmallVector<AffineMap> maps;
  auto oldMaps = op.getIndexingMapsArray();
  for (auto [i, buffer] : llvm::enumerate(buffers)) {
    if (!buffer)
      continue;
    (int64_t(i) < op.getNumDpsInputs() ? inputs : inits).push_back(buffer);
    maps.push_back(oldMaps[i]);
  }
  auto cloneBody = [&](OpBuilder &nested, Location loc, ValueRange arguments) {
    unsigned next = 0;
    for (auto [i, old] : llvm::enumerate(op.getBody()->getArguments())) {
      if (buffers[i])
        mapping.map(old, arguments[next++]);
      else
        mapping.map(old, arith::ConstantOp::create(
                             nested, loc, std::get<TypedAttr>(operands[i])));
    }
    for (Operation &inner : *op.getBody())
      nested.clone(inner, mapping);
  };
  linalg::GenericOp::create(builder, op.getLoc(), inputs, inits, maps,
                            op.getIteratorTypesArray(), cloneBody);
}

FailureOr<KernelCall>
KernelLibrary::outline(DestinationStyleOpInterface op,
                       ArrayRef<KernelOperand> operands) {
  KernelCall call;
  SmallVector<int64_t> argumentOf(operands.size(), -1);
  for (auto [i, operand] : llvm::enumerate(operands)) {
    auto *place = std::get_if<Place>(&operand);
    if (!place)
      continue;
    auto *known = llvm::find_if(call.arguments, [&](const Place &other) {
      return other.sameMemory(*place);
    });
    argumentOf[i] = known - call.arguments.begin();
    if (known == call.arguments.end())
      call.arguments.push_back(*place);
    if (int64_t(i) >= op.getNumDpsInputs())
      call.written.push_back(*place);
  }

  auto function = makeFunction(op.getLoc(), call.arguments);
  auto builder = OpBuilder::atBlockEnd(&function.getBody().front());
  SmallVector<Value> buffers(operands.size());
  for (auto [i, operand] : llvm::enumerate(operands)) {
    if (argumentOf[i] >= 0)
      buffers[i] = function.getArgument(argumentOf[i]);
    else if (auto *value = std::get_if<DenseElementsAttr>(&operand))
      buffers[i] = global(builder, op.getLoc(), *value);
  }
  IRMapping mapping;
  if (failed(cloneCaptured(builder, op, mapping))) {
    function.erase();
    return failure();
  }
  if (auto generic = dyn_cast<linalg::GenericOp>(op.getOperation()))
    cloneGeneric(builder, generic, buffers, operands, mapping);
  else
    clone(builder, op, /*newResultTypes=*/TypeRange(), buffers);
  call.name = intern(function, kindOf(op));
  return call;
}

//===----------------------------------------------------------------------===//
// Copies and constants
//===----------------------------------------------------------------------===//

static void createCopy(OpBuilder &builder, Location loc, Value from, Value to) {
  unsigned rank = cast<MemRefType>(to.getType()).getRank();
  auto identity = builder.getMultiDimIdentityMap(rank);
  SmallVector<utils::IteratorType> parallel(rank,
                                            utils::IteratorType::parallel);
  linalg::GenericOp::create(
      builder, loc, from, to, ArrayRef<AffineMap>{identity, identity}, parallel,
      [](OpBuilder &nested, Location loc, ValueRange arguments) {
        linalg::YieldOp::create(nested, loc, arguments[0]);
      });
}

KernelCall KernelLibrary::copy(Location loc, Place from, Place to) {
  Place places[] = {from, to};
  simplify(places);
  auto function = makeFunction(loc, places);
  auto builder = OpBuilder::atBlockEnd(&function.getBody().front());
  createCopy(builder, loc, function.getArgument(0), function.getArgument(1));
  return {intern(function, "copy"), {places[0], places[1]}, {places[1]}};
}

KernelCall KernelLibrary::fill(Location loc, TypedAttr scalar, Place to) {
  simplify(to);
  auto function = makeFunction(loc, to);
  auto builder = OpBuilder::atBlockEnd(&function.getBody().front());
  Value value = arith::ConstantOp::create(builder, loc, scalar);
  linalg::FillOp::create(builder, loc, value, function.getArgument(0));
  return {intern(function, "fill"), {to}, {to}};
}

KernelCall KernelLibrary::constant(Location loc, DenseElementsAttr value,
                                   Place to) {
  auto function = makeFunction(loc, to);
  auto builder = OpBuilder::atBlockEnd(&function.getBody().front());
  createCopy(builder, loc, global(builder, loc, value),
             function.getArgument(0));
  return {intern(function, "constant"), {to}, {to}};
}
