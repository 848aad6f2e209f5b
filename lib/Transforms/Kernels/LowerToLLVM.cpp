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
#include "lib/Transforms/Kernels/ExpandMath.h"

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
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/Transforms/LoweringPatterns.h"
#include "mlir/Dialect/Vector/Transforms/VectorRewritePatterns.h"
#include "mlir/Transforms/DialectConversion.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

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

static LogicalResult convertToLLVM(ModuleOp kernels) {
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
  LLVMConversionTarget target(*context);
  target.addLegalOp<ModuleOp>();
  target.addLegalOp<UnrealizedConversionCastOp>();
  if (failed(applyFullConversion(kernels, target, std::move(patterns))))
    return failure();
  SmallVector<UnrealizedConversionCastOp> casts;
  kernels.walk([&](UnrealizedConversionCastOp cast) { casts.push_back(cast); });
  reconcileUnrealizedCasts(casts);
  return success();
}

/// Emits the entry of a kernel, which unpacks the arguments of `body`.
static void emitEntry(OpBuilder &b, StringRef name, LLVM::LLVMFuncOp body) {
  Location loc = body.getLoc();
  auto pointer = LLVM::LLVMPointerType::get(b.getContext());
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()), pointer);
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

/// How many bytes a buffer reaches from its pointer on.
static int64_t extentOf(MemRefType type) {
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

/// Emits what the runtime compares the places of a call with.
static void emitExtents(OpBuilder &b, Location loc, StringRef name,
                        ArrayRef<int64_t> extents) {
  SmallVector<int64_t> values = {static_cast<int64_t>(extents.size())};
  llvm::append_range(values, extents);
  auto type = RankedTensorType::get(values.size(), b.getI64Type());
  LLVM::GlobalOp::create(
      b, loc, LLVM::LLVMArrayType::get(b.getI64Type(), values.size()),
      /*isConstant=*/true, LLVM::Linkage::External,
      (name + bitpipe::abi::extentsSuffix).str(), DenseElementsAttr::get(type, ArrayRef(values)),
      /*alignment=*/8);
}

LogicalResult bitpipe::lowerKernelsToLLVM(ModuleOp kernels) {
  SmallVector<std::string> names;
  SmallVector<SmallVector<int64_t>> extents; // by kernel and argument
  for (auto function : kernels.getOps<func::FuncOp>()) {
    names.push_back(function.getName().str());
    extents.push_back(llvm::map_to_vector(function.getArgumentTypes(), [](Type type) {
      return extentOf(cast<MemRefType>(type));
    }));
    function.setName(names.back() + ".body");
    for (unsigned i = 0; i < function.getNumArguments(); ++i)
      function.setArgAttr(i, LLVM::LLVMDialect::getNoAliasAttrName(),
                          UnitAttr::get(kernels.getContext()));
  }
  if (failed(lowerLoops(kernels)) || failed(lowerVectors(kernels)))
    return failure();
  holdBrainFloatsAsBits(kernels);
  if (failed(convertToLLVM(kernels)))
    return failure();
  OpBuilder b = OpBuilder::atBlockEnd(kernels.getBody());
  for (auto [name, bytes] : llvm::zip(names, extents)) {
    auto body = kernels.lookupSymbol<LLVM::LLVMFuncOp>(name + ".body");
    body.setLinkage(LLVM::Linkage::Internal);
    body.setNoInline(true);
    emitEntry(b, name, body);
    emitExtents(b, body.getLoc(), name, bytes);
  }
  return success();
}
