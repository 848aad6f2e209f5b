//===- RoutineBuilder.h - A function becomes a list of calls ---------------===//
//
// Lowers one stage function to a pipe.routine: chooses places, turns views
// into arithmetic, contractions into matrix products, attentions into calls of
// their own and the rest into kernels, and packs temporaries into a scratch block.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_LOWER_ROUTINEBUILDER_H
#define BITPIPE_TRANSFORMS_LOWER_ROUTINEBUILDER_H

#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Transforms/Lower/BiasGradients.h"
#include "lib/Transforms/Lower/Destinations.h"
#include "lib/Transforms/Lower/KernelLibrary.h"

namespace bitpipe::lower {

/// Where a result of the function must end up: at a place, or anywhere in a
/// block, preferably in this one.
using ResultSpec = std::variant<Place, RoutineBlock>;

class RoutineBuilder {
public:
  /// `biasGradients` are those that products make.
  RoutineBuilder(mlir::func::FuncOp function, Memory &memory,
                 KernelLibrary &kernels, BiasGradients biasGradients)
      : function(function), memory(memory), kernels(kernels),
        destinations(function, memory), biasGradients(std::move(biasGradients)) {}

  /// Makes the calls. On success `results` has the place of every result.
  mlir::LogicalResult lower(llvm::ArrayRef<Place> arguments,
                            llvm::ArrayRef<ResultSpec> specs,
                            llvm::SmallVectorImpl<Place> &results);

  /// Writes the routine. All blocks must have their final size.
  pipe::RoutineOp write(mlir::OpBuilder &builder, llvm::StringRef name);

private:
  struct MatmulCall {
    MatmulForm form;
    Place a, b, c;
    std::optional<Place> bias, residual;
    double alpha;
    bool accumulate;
    std::optional<Place> biasGradient;
    bool gradientOfA = false;
  };
  struct AttentionCall {
    struct Operand {
      llvm::StringRef name; // of the call's attribute
      Place place;
      llvm::SmallVector<int64_t> strides; // as the call lists them
      bool isWritten;
    };
    mlir::Operation *op;
    mlir::Type element;
    llvm::SmallVector<int64_t> sizes;
    llvm::SmallVector<Operand> operands;
    Place workspace;
  };
  struct Call {
    mlir::Location loc;
    std::variant<KernelCall, MatmulCall, AttentionCall> what;

    llvm::SmallVector<Place> places() const;
    llvm::SmallVector<Place> written() const;
  };

  void requestResults(llvm::ArrayRef<Place> arguments,
                      llvm::ArrayRef<ResultSpec> specs);
  Place finish(mlir::Value value, const ResultSpec &spec);

  mlir::LogicalResult emit(mlir::Operation *op);
  void emitConcat(mlir::tensor::ConcatOp op);
  void emitInsert(mlir::tensor::InsertSliceOp op);
  KernelOperand inputOperand(mlir::OpOperand &input);
  bool disturbs(mlir::DestinationStyleOpInterface op, unsigned result,
                llvm::ArrayRef<KernelOperand> inputs, const Place &target) const;
  mlir::LogicalResult emitComputed(mlir::DestinationStyleOpInterface op);
  mlir::LogicalResult emitKernel(mlir::DestinationStyleOpInterface op);
  mlir::LogicalResult emitContraction(mlir::linalg::GenericOp op, double alpha);
  void absorbInit(mlir::linalg::GenericOp op, mlir::Value init,
                  MatmulCall &product);
  mlir::LogicalResult absorbSum(mlir::linalg::GenericOp op, MatmulCall &product);
  template <typename Op> mlir::LogicalResult emitAttention(Op op);
  Place rowsOf(mlir::Value value);
  static mlir::Operation *writeAttention(mlir::OpBuilder &builder, mlir::Location loc,
                                         const AttentionCall &call,
                                         llvm::function_ref<pipe::RefAttr(const Place &)> ref);

  /// The place of a tensor, which is put into memory if it is a constant.
  Place read(mlir::Value value);
  /// Sees to it that `place` holds the value.
  void writeTo(mlir::Value value, const Place &place, mlir::Location loc);
  Place packed(mlir::linalg::GenericOp op, unsigned operand, const Place &c);
  void call(mlir::Location loc, KernelCall kernel);

  mlir::func::FuncOp function;
  Memory &memory;
  KernelLibrary &kernels;
  Destinations destinations;
  const BiasGradients biasGradients;
  llvm::DenseMap<mlir::Value, Place> places;
  std::vector<Call> calls;
};

} // namespace bitpipe::lower

#endif // BITPIPE_TRANSFORMS_LOWER_ROUTINEBUILDER_H
