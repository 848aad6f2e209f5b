//===- LegalizeGathers.cpp - Gather and GatherND ---------------------------===//

#include "lib/Transforms/ONNX/Build.h"
#include "lib/Transforms/ONNX/Constant.h"
#include "lib/Transforms/ONNX/Legalize.h"
#include "lib/Transforms/ONNX/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

namespace bitpipe {
#define GEN_PASS_DEF_LEGALIZEGATHERS
#include "lib/Transforms/ONNX/Passes.h.inc"
} // namespace bitpipe

using namespace mlir;
using namespace bitpipe;

namespace {

Value gatherRows(OpBuilder &b, Location loc, Value table, Value ids) {
  auto tableType = cast<RankedTensorType>(table.getType());
  SmallVector<int64_t> shape(cast<RankedTensorType>(ids.getType()).getShape());
  llvm::append_range(shape, tableType.getShape().drop_front());
  RankedTensorType type = tableType.clone(shape);
  return pipe::GatherOp::create(b, loc, type, ValueRange{table, ids},
                                emptyTensor(b, loc, type))
      ->getResult(0);
}

/// One constant index along the axis is a slice.
Value sliceAt(OpBuilder &b, const Node &node, int64_t axis, int64_t id) {
  RankedTensorType from = node.inputType(0);
  SmallVector<OpFoldResult> offsets(from.getRank(), b.getIndexAttr(0));
  SmallVector<OpFoldResult> ones(from.getRank(), b.getIndexAttr(1));
  SmallVector<OpFoldResult> sizes;
  for (int64_t dim : from.getShape())
    sizes.push_back(b.getIndexAttr(dim));
  offsets[axis] = b.getIndexAttr(id < 0 ? id + from.getDimSize(axis) : id);
  sizes[axis] = b.getIndexAttr(1);
  Value slice = tensor::ExtractSliceOp::create(b, node.loc(), node.input(0),
                                               offsets, sizes, ones);
  return reshape(b, node.loc(), slice, node.resultType().getShape());
}

/// pipe.gather takes rows, so another axis is moved to the front and its
/// place taken by the dimensions of the ids afterwards.
Lowered lowerGather(OpBuilder &b, const Node &node) {
  Location loc = node.loc();
  int64_t rank = node.inputType(0).getRank();
  int64_t axis = *node.axis(0, rank);
  auto ids = integersOf(node.input(1));
  if (ids && ids->size() == 1)
    return lowered(sliceAt(b, node, axis, ids->front()));
  if (axis == 0)
    return lowered(gatherRows(b, loc, node.input(0), node.input(1)));
  SmallVector<int64_t> toFront{axis};
  for (int64_t i = 0; i < rank; ++i)
    if (i != axis)
      toFront.push_back(i);
  Value rows = gatherRows(b, loc, transpose(b, loc, node.input(0), toFront),
                          node.input(1));
  int64_t idRank = node.inputType(1).getRank();
  SmallVector<int64_t> back;
  for (int64_t i = 0; i < axis; ++i)
    back.push_back(idRank + i);
  for (int64_t i = 0; i < idRank; ++i)
    back.push_back(i);
  for (int64_t i = axis; i < rank - 1; ++i)
    back.push_back(idRank + i);
  return lowered(transpose(b, loc, rows, back));
}

/// Along which dimension of the result each constant index counts up, if the
/// indices only repeat whole dimensions of the data: index component d at
/// result position p is p[dims[d]].
std::optional<SmallVector<int64_t>> countedDims(const Constant &ids,
                                                ArrayRef<int64_t> data) {
  int64_t depth = ids.shape().back();
  ArrayRef<int64_t> positions = ids.shape().drop_back();
  SmallVector<int64_t> dims;
  for (int64_t d = 0; d < depth; ++d) {
    std::optional<int64_t> found;
    for (int64_t dim = 0; dim < int64_t(positions.size()) && !found; ++dim) {
      if (positions[dim] != data[d] || llvm::is_contained(dims, dim))
        continue;
      Index index(positions);
      bool counts = true;
      for (int64_t i = 0, n = ids.size() / depth; i < n && counts;
           ++i, index.next())
        counts = ids.integers[i * depth + d] == index[dim];
      if (counts)
        found = dim;
    }
    if (!found)
      return std::nullopt;
    dims.push_back(*found);
  }
  return dims;
}

/// The data read through a map from result positions to its dimensions.
Value readMapped(OpBuilder &b, const Node &node, ArrayRef<int64_t> dims) {
  RankedTensorType type = node.resultType();
  SmallVector<AffineExpr> exprs;
  for (int64_t dim : dims)
    exprs.push_back(b.getAffineDimExpr(dim));
  int64_t rest = node.inputType(0).getRank() - dims.size();
  for (int64_t i = type.getRank() - rest; i < type.getRank(); ++i)
    exprs.push_back(b.getAffineDimExpr(i));
  SmallVector<AffineMap> maps{
      AffineMap::get(type.getRank(), 0, exprs, b.getContext()),
      b.getMultiDimIdentityMap(type.getRank())};
  SmallVector<utils::IteratorType> iterators(type.getRank(),
                                             utils::IteratorType::parallel);
  return linalg::GenericOp::create(
             b, node.loc(), type, node.input(0),
             emptyTensor(b, node.loc(), type), maps, iterators,
             [](OpBuilder &inner, Location loc, ValueRange args) {
               linalg::YieldOp::create(inner, loc, args[0]);
             })
      .getResult(0);
}

class GatherNDLowering {
public:
  GatherNDLowering(ModuleOp module) : parameters(module) {}

  Lowered lower(OpBuilder &b, const Node &node) {
    FailureOr<DenseElementsAttr> attr = parameters.read(node.input(1));
    if (failed(attr))
      return failure();
    if (!*attr)
      return node.error() << "its indices are not constant, expected ones that "
                             "do not depend on inputs or parameters";
    Constant ids = Constant::from(*attr);
    if (ids.shape().back() == 0)
      return node.error() << "has indices of no dimension";
    if (auto dims = countedDims(ids, node.inputShape(0)))
      return lowered(readMapped(b, node, *dims));
    return lowered(gatherFlat(b, node, ids));
  }

private:
  /// The indexed dimensions flattened to rows, the indices to row numbers.
  Value gatherFlat(OpBuilder &b, const Node &node, const Constant &ids) {
    int64_t depth = ids.shape().back();
    ArrayRef<int64_t> shape = node.inputShape(0);
    auto strides = stridesOf(shape.take_front(depth));
    Constant rows = Constant::zeros(ids.type.clone(ids.shape().drop_back()));
    for (int64_t i = 0; i < rows.size(); ++i)
      for (int64_t d = 0; d < depth; ++d) {
        int64_t id = ids.integers[i * depth + d];
        rows.integers[i] += (id < 0 ? id + shape[d] : id) * strides[d];
      }
    SmallVector<int64_t> flat{
        ShapedType::getNumElements(shape.take_front(depth))};
    llvm::append_range(flat, shape.drop_front(depth));
    Value table = reshape(b, node.loc(), node.input(0), flat);
    Value numbers = arith::ConstantOp::create(b, node.loc(), rows.toAttr());
    return gatherRows(b, node.loc(), table, numbers);
  }

  ParameterReader parameters;
};

/// The extents that the indices of a node count along: one for each component
/// of GatherND, one for all else.
SmallVector<int64_t> indexedExtents(const Node &node) {
  ArrayRef<int64_t> shape = node.inputShape(0);
  if (node.kind() == "GatherND")
    return SmallVector<int64_t>(shape.drop_front(node.integer("batch_dims", 0))
                                    .take_front(node.inputShape(1).back()));
  return {shape[*node.axis(0, shape.size())]};
}

/// Refuses constant indices that lie outside; others are checked when they are
/// followed.
LogicalResult checkConstantIndices(pipe::OnnxNodeOp op, ParameterReader &reader) {
  Node node(op);
  FailureOr<DenseElementsAttr> attr = reader.read(node.input(1));
  if (failed(attr))
    return failure();
  if (!*attr)
    return success();
  Constant ids = Constant::from(*attr);
  SmallVector<int64_t> extents = indexedExtents(node);
  for (auto [i, id] : llvm::enumerate(ids.integers)) {
    int64_t extent = extents[i % extents.size()];
    if (id < -extent || id >= extent)
      return node.error() << "index " << id << " is out of range, "
                          << "expected one of " << extent
                          << " (a sequence longer than the positions there are?)";
  }
  return success();
}

LogicalResult checkConstantIndices(ModuleOp module) {
  ParameterReader reader(module);
  LogicalResult result = success();
  module.walk([&](pipe::OnnxNodeOp op) {
    bool follows = llvm::is_contained({"Gather", "GatherND", "GatherElements"},
                                      op.getOpType());
    bool isStatic = llvm::all_of(op->getOperandTypes(),
                                 llvm::IsaPred<RankedTensorType>);
    if (follows && isStatic && failed(checkConstantIndices(op, reader)))
      result = failure();
  });
  return result;
}

struct LegalizeGathers : bitpipe::impl::LegalizeGathersBase<LegalizeGathers> {
  void runOnOperation() override {
    if (failed(checkConstantIndices(getOperation())) ||
        failed(legalizeNodes(getOperation(), {{"Gather", lowerGather}})))
      return signalPassFailure();
    GatherNDLowering lowering(getOperation());
    SmallVector<pipe::OnnxNodeOp> nodes;
    getOperation().walk([&](pipe::OnnxNodeOp op) {
      if (op.getOpType() == "GatherND")
        nodes.push_back(op);
    });
    for (pipe::OnnxNodeOp op : nodes) {
      OpBuilder b(op);
      Lowered values = lowering.lower(b, op);
      if (failed(values))
        return signalPassFailure();
      op->replaceAllUsesWith(*values);
      op.erase();
    }
  }
};

} // namespace
