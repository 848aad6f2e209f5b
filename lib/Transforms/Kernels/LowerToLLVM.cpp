//===- LowerToLLVM.cpp - Kernels in the LLVM dialect -----------------------===//
//
// A kernel is two functions: the body, which takes a bare pointer per buffer
// and is told that they do not alias, and the entry that the runtime calls.
// The body is not inlined: as arguments its pointers keep what is known of
// them, and a call costs nothing beside a kernel.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Kernels/LowerToLLVM.h"

#include "lib/Runtime/ABI.h"
#include "lib/Transforms/Kernels/Divide.h"
#include "lib/Transforms/Kernels/ExpandMath.h"
#include "lib/Transforms/Lower/Alignment.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MathToLibm/MathToLibm.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/Transforms/LoweringPatterns.h"
#include "mlir/Dialect/Vector/Transforms/VectorRewritePatterns.h"
#include "mlir/Transforms/DialectConversion.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;
using namespace bitpipe;

static LogicalResult lowerLoops(ModuleOp kernels) {
  ConversionTarget target(*kernels.getContext());
  target.addIllegalDialect<scf::SCFDialect>();
  target.markUnknownOpDynamicallyLegal([](Operation *) { return true; });
  RewritePatternSet patterns(kernels.getContext());
  populateSCFToControlFlowConversionPatterns(patterns);
  return applyPartialConversion(kernels, target, std::move(patterns));
}

/// Masks and step vectors become constants and comparisons, conversions of bf16
/// shifts and sums.
static LogicalResult lowerVectors(ModuleOp kernels) {
  RewritePatternSet patterns(kernels.getContext());
  vector::populateVectorMaskMaterializationPatterns(patterns,
                                                    /*force32BitVectorIndices=*/true);
  vector::populateVectorStepLoweringPatterns(patterns);
  bitpipe::populateBrainFloatPatterns(patterns);
  return applyPatternsGreedily(kernels, std::move(patterns));
}

static LogicalResult convertToLLVM(ModuleOp kernels, AddPatterns addPatterns) {
  MLIRContext *context = kernels.getContext();
  LowerToLLVMOptions options(context);
  options.useBarePtrCallConv = true;
  LLVMTypeConverter types(context, options);
  RewritePatternSet patterns(context);
  arith::populateArithToLLVMConversionPatterns(types, patterns);
  cf::populateControlFlowToLLVMConversionPatterns(types, patterns);
  populateFinalizeMemRefToLLVMConversionPatterns(types, patterns);
  populateFuncToLLVMConversionPatterns(types, patterns);
  // The library is called only for what LLVM has no instruction or intrinsic.
  populateMathToLLVMConversionPatterns(types, patterns, /*approximateLog1p=*/true,
                                       /*benefit=*/2);
  populateMathToLibmConversionPatterns(patterns, /*benefit=*/1);
  populateVectorToLLVMConversionPatterns(types, patterns,
                                         /*reassociateFPReductions=*/true,
                                         /*force32BitVectorIndices=*/true);
  if (addPatterns)
    addPatterns(types, patterns);
  LLVMConversionTarget target(*context);
  target.addLegalOp<ModuleOp>();
  target.addLegalDialect<NVVM::NVVMDialect>();
  target.addLegalOp<UnrealizedConversionCastOp>();
  if (failed(applyFullConversion(kernels, target, std::move(patterns))))
    return failure();
  SmallVector<UnrealizedConversionCastOp> casts;
  kernels.walk([&](UnrealizedConversionCastOp cast) { casts.push_back(cast); });
  reconcileUnrealizedCasts(casts);
  return success();
}

/// Emits the entry of a kernel, which unpacks the arguments of `body`, the last two of
/// which may be the units to do.
static void emitEntry(OpBuilder &b, StringRef name, LLVM::LLVMFuncOp body,
                      const KernelUnits &units) {
  Location loc = body.getLoc();
  auto pointer = LLVM::LLVMPointerType::get(b.getContext());
  Type integer = b.getI64Type();
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()),
                                          {pointer, integer, integer});
  auto entry = LLVM::LLVMFuncOp::create(b, loc, name, type);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(entry.addEntryBlock(b));
  SmallVector<Value> arguments;
  unsigned buffers = body.getNumArguments() - (units.arePassed ? 2 : 0);
  for (unsigned i = 0; i < buffers; ++i) {
    Value place = LLVM::GEPOp::create(b, loc, pointer, pointer, entry.getArgument(0),
                                      ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(i)});
    arguments.push_back(LLVM::LoadOp::create(b, loc, pointer, place));
  }
  if (units.arePassed)
    llvm::append_range(arguments, entry.getArguments().take_back(2));
  LLVM::CallOp::create(b, loc, body, arguments);
  LLVM::ReturnOp::create(b, loc, ValueRange());
}

int64_t bitpipe::extentOf(MemRefType type) {
  SmallVector<int64_t> strides;
  int64_t last = 0; // element
  (void)type.getStridesAndOffset(strides, last); // verified to be static
  for (auto [size, stride] : llvm::zip(type.getShape(), strides)) {
    if (size == 0)
      return 0;
    last += (size - 1) * stride;
  }
  int64_t bits = type.getElementTypeBitWidth();
  return (last + 1) * llvm::divideCeil(bits, 8);
}

/// Emits numbers that the runtime asks for.
static void emitNumbers(OpBuilder &b, Location loc, const Twine &name,
                        ArrayRef<int64_t> values) {
  auto type = RankedTensorType::get(values.size(), b.getI64Type());
  LLVM::GlobalOp::create(
      b, loc, LLVM::LLVMArrayType::get(b.getI64Type(), values.size()),
      /*isConstant=*/true, LLVM::Linkage::External,
      name.str(), DenseElementsAttr::get(type, values), /*alignment=*/8);
}

namespace {
/// What is known of a kernel beside its code.
struct Known {
  std::string name;
  SmallVector<int64_t> extents; // how many, then that of each argument
  KernelUnits units;
};
} // namespace

/// Prepares a kernel's function to become a body.
static Known prepareBody(func::FuncOp function) {
  Known known{function.getName().str(), {0}, takeUnits(function)};
  function.setName(known.name + ".body");
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes())) {
    auto buffer = dyn_cast<MemRefType>(type);
    if (!buffer)
      continue;
    ++known.extents.front();
    known.extents.push_back(extentOf(buffer));
    function.removeArgAttr(i, lower::alignmentName);
    function.setArgAttr(i, LLVM::LLVMDialect::getNoAliasAttrName(),
                        UnitAttr::get(function.getContext()));
  }
  return known;
}

LogicalResult bitpipe::lowerToLLVM(ModuleOp module, AddPatterns addPatterns) {
  if (failed(lowerLoops(module)) || failed(lowerVectors(module)))
    return failure();
  holdBrainFloatsAsBits(module);
  return convertToLLVM(module, addPatterns);
}

LogicalResult bitpipe::lowerKernelsToLLVM(ModuleOp kernels) {
  SmallVector<Known> all;
  for (auto function : kernels.getOps<func::FuncOp>())
    all.push_back(prepareBody(function));
  if (failed(lowerToLLVM(kernels, nullptr)))
    return failure();
  OpBuilder b = OpBuilder::atBlockEnd(kernels.getBody());
  for (const Known &kernel : all) {
    auto body = kernels.lookupSymbol<LLVM::LLVMFuncOp>(kernel.name + ".body");
    body.setLinkage(LLVM::Linkage::Internal);
    body.setNoInline(true);
    emitEntry(b, kernel.name, body, kernel.units);
    emitNumbers(b, body.getLoc(), kernel.name + abi::extentsSuffix, kernel.extents);
    emitNumbers(b, body.getLoc(), kernel.name + abi::unitsSuffix,
                {kernel.units.count, kernel.units.bytes, kernel.units.finishes});
  }
  return success();
}
