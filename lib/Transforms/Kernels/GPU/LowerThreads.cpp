//===- LowerThreads.cpp - Launches in the LLVM dialect ---------------------===//

#include "lib/Transforms/Kernels/GPU/LowerThreads.h"
#include "lib/Transforms/Kernels/GPU/Emulation.h"
#include "lib/Transforms/Kernels/GPU/Instructions.h"
#include "lib/Transforms/Kernels/LowerToLLVM.h"
#include "lib/Transforms/Lower/Alignment.h"

#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Transforms/DialectConversion.h"

using namespace mlir;
using namespace bitpipe;
using namespace bitpipe::grid;

static Value constant(OpBuilder &b, Location loc, int32_t value) {
  return LLVM::ConstantOp::create(b, loc, b.getI32IntegerAttr(value));
}

/// A call of a function that the loader of the module provides.
static Value callOutside(OpBuilder &b, Operation *at, StringRef name, Type result, ValueRange operands) {
  auto module = at->getParentOfType<ModuleOp>();
  auto function = module.lookupSymbol<LLVM::LLVMFuncOp>(name);
  if (!function) {
    auto start = OpBuilder::atBlockBegin(module.getBody());
    Type returned = result ? result : LLVM::LLVMVoidType::get(b.getContext());
    auto type = LLVM::LLVMFunctionType::get(returned, llvm::to_vector(operands.getTypes()));
    function = LLVM::LLVMFuncOp::create(start, at->getLoc(), name, type);
  }
  auto call = LLVM::CallOp::create(b, at->getLoc(), function, operands);
  return result ? call.getResult() : Value();
}

//===----------------------------------------------------------------------===//
// Operations of threads
//===----------------------------------------------------------------------===//

namespace {

template <typename Op> struct FlavouredPattern : OpConversionPattern<Op> {
  FlavouredPattern(const LLVMTypeConverter &types, MLIRContext *context, Flavour flavour)
      : OpConversionPattern<Op>(types, context), isEmulated(flavour == Flavour::Emulated) {}
  bool isEmulated;
};

/// The number of the thread or of the block, which are one-dimensional.
template <typename Op, typename Register>
struct LowerNumber : FlavouredPattern<Op> {
  using FlavouredPattern<Op>::FlavouredPattern;
  LogicalResult matchAndRewrite(Op op, typename Op::Adaptor, ConversionPatternRewriter &b) const override {
    Type word = b.getI32Type();
    StringRef name = std::is_same_v<Op, gpu::ThreadIdOp> ? emulation::thread : emulation::block;
    Value number = this->isEmulated ? callOutside(b, op, name, word, {})
                                    : Register::create(b, op.getLoc(), word).getResult();
    b.replaceOpWithNewOp<LLVM::ZExtOp>(op, b.getI64Type(), number);
    return success();
  }
};

struct LowerBarrier : FlavouredPattern<gpu::BarrierOp> {
  using FlavouredPattern::FlavouredPattern;
  LogicalResult matchAndRewrite(gpu::BarrierOp op, OpAdaptor, ConversionPatternRewriter &b) const override {
    if (isEmulated)
      callOutside(b, op, emulation::barrier, Type(), {});
    else
      NVVM::Barrier0Op::create(b, op.getLoc());
    b.eraseOp(op);
    return success();
  }
};

/// Only exchanges of words between the threads of a whole warp are made.
struct LowerShuffle : FlavouredPattern<gpu::ShuffleOp> {
  using FlavouredPattern::FlavouredPattern;
  LogicalResult matchAndRewrite(gpu::ShuffleOp op, OpAdaptor adaptor, ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Type word = b.getI32Type();
    Value value = adaptor.getValue(), mask = adaptor.getOffset();
    Value result;
    if (isEmulated)
      result = callOutside(b, op, emulation::shuffleXor, word, {value, mask});
    else
      result = NVVM::ShflOp::create(b, loc, word, constant(b, loc, -1), value, mask,
                                    constant(b, loc, warp - 1), NVVM::ShflKind::bfly, UnitAttr());
    Value valid = LLVM::ConstantOp::create(b, loc, b.getBoolAttr(true));
    b.replaceOp(op, {result, valid});
    return success();
  }
};

} // namespace

//===----------------------------------------------------------------------===//
// Entries
//===----------------------------------------------------------------------===//

/// The memory of the block, as large as a launch asks for.
static Value sharedMemory(OpBuilder &b, LLVM::LLVMFuncOp body, Flavour flavour) {
  if (flavour == Flavour::Emulated)
    return callOutside(b, body, emulation::shared, LLVM::LLVMPointerType::get(b.getContext()), {});
  constexpr StringLiteral name = "bitpipe_shared";
  auto module = body->getParentOfType<ModuleOp>();
  auto global = module.lookupSymbol<LLVM::GlobalOp>(name);
  if (!global) {
    auto start = OpBuilder::atBlockBegin(module.getBody());
    auto type = LLVM::LLVMArrayType::get(b.getI8Type(), 0);
    global = LLVM::GlobalOp::create(start, body.getLoc(), type, /*isConstant=*/false,
                                    LLVM::Linkage::External, name, Attribute(), /*alignment=*/16,
                                    sharedSpace(flavour));
  }
  return LLVM::AddressOfOp::create(b, body.getLoc(), global);
}

/// Takes away a function's last argument, which nothing uses.
static void eraseLastArgument(LLVM::LLVMFuncOp function) {
  LLVM::LLVMFunctionType type = function.getFunctionType();
  Block &body = function.getBody().front();
  assert(body.getArguments().back().use_empty() && "memory is counted where it is used");
  body.eraseArgument(body.getNumArguments() - 1);
  if (ArrayAttr attributes = function.getArgAttrsAttr())
    function.setArgAttrsAttr(ArrayAttr::get(function.getContext(), attributes.getValue().drop_back()));
  function.setFunctionType(LLVM::LLVMFunctionType::get(type.getReturnType(), type.getParams().drop_back()));
}

/// Replaces the argument for the block's memory, and drops that for scratch memory if
/// there is none.
static void dropMemory(LLVM::LLVMFuncOp body, const Kernel &kernel, Flavour flavour) {
  auto b = OpBuilder::atBlockBegin(&body.getBody().front());
  if (BlockArgument shared = body.getArguments().back(); !shared.use_empty())
    shared.replaceAllUsesWith(sharedMemory(b, body, flavour));
  eraseLastArgument(body);
  if (kernel.scratch == 0)
    eraseLastArgument(body);
}

static void becomeKernel(LLVM::LLVMFuncOp body, const Launch &launch) {
  OpBuilder b(body);
  body->setAttr(NVVM::NVVMDialect::getKernelFuncAttrName(), b.getUnitAttr());
  body->setAttr(NVVM::NVVMDialect::getReqntidAttrName(), b.getDenseI32ArrayAttr({int32_t(launch.block)}));
}

/// The entry of an emulated launch, which unpacks the arguments of its body.
static void emitEntry(OpBuilder &b, StringRef name, LLVM::LLVMFuncOp body) {
  Location loc = body.getLoc();
  auto pointer = LLVM::LLVMPointerType::get(b.getContext());
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()), {pointer});
  auto entry = LLVM::LLVMFuncOp::create(b, loc, name, type);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(entry.addEntryBlock(b));
  SmallVector<Value> arguments;
  for (unsigned i = 0; i < body.getNumArguments(); ++i) {
    Value place = LLVM::GEPOp::create(b, loc, pointer, pointer, entry.getArgument(0),
                                      ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(i)});
    arguments.push_back(LLVM::LoadOp::create(b, loc, pointer, place));
  }
  LLVM::CallOp::create(b, loc, body, arguments);
  LLVM::ReturnOp::create(b, loc, ValueRange());
}

static void emulate(OpBuilder &b, LLVM::LLVMFuncOp body, StringRef name, const Launch &launch) {
  body.setLinkage(LLVM::Linkage::Internal);
  body.setNoInline(true); // as arguments its pointers keep what is known of them
  emitEntry(b, name, body);
  LLVM::GlobalOp::create(b, body.getLoc(), b.getI32Type(), /*isConstant=*/true, LLVM::Linkage::External,
                         (name + emulation::needsFibers).str(), b.getI32IntegerAttr(launch.exchanges));
}

/// What a function's pointers are known for, and no longer of interest.
static void prepareArguments(func::FuncOp body) {
  for (unsigned i = 0; i < body.getNumArguments(); ++i) {
    body.removeArgAttr(i, lower::alignmentName);
    body.setArgAttr(i, LLVM::LLVMDialect::getNoAliasAttrName(), UnitAttr::get(body.getContext()));
  }
}

LogicalResult grid::lowerLaunches(ModuleOp module, ArrayRef<Kernel> kernels, Flavour flavour) {
  SmallVector<std::string> names;
  for (const Kernel &kernel : kernels)
    for (Launch launch : kernel.launches) {
      prepareArguments(launch.body);
      names.push_back(launch.entry());
    }
  auto addPatterns = [&](const LLVMTypeConverter &types, RewritePatternSet &patterns) {
    patterns.add<LowerNumber<gpu::ThreadIdOp, NVVM::ThreadIdXOp>, LowerNumber<gpu::BlockIdOp, NVVM::BlockIdXOp>,
                 LowerBarrier, LowerShuffle>(types, module.getContext(), flavour);
  };
  if (flavour == Flavour::NVVM && failed(useInstructions(module)))
    return failure();
  if (failed(lowerToLLVM(module, addPatterns)))
    return failure();
  OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
  auto name = names.begin();
  for (const Kernel &kernel : kernels)
    for (const Launch &launch : kernel.launches) {
      auto body = module.lookupSymbol<LLVM::LLVMFuncOp>(*name + Launch::suffix.str());
      StringRef entry = *name++;
      dropMemory(body, kernel, flavour);
      if (flavour == Flavour::Emulated) {
        emulate(b, body, entry, launch);
        continue;
      }
      body.setName(entry);
      becomeKernel(body, launch);
    }
  return success();
}
