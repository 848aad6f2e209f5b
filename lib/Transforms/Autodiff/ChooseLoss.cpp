//===- ChooseLoss.cpp - Which outputs the loss is made of ------------------===//

#include "lib/Transforms/Autodiff/ChooseLoss.h"

#include "lib/Transforms/Autodiff/InputBounds.h"

#include <optional>

using namespace mlir;
using namespace bitpipe;

namespace {

class Outputs {
public:
  Outputs(pipe::ModelOp model, func::FuncOp forward)
      : model(model), forward(forward) {}

  FailureOr<LossChoice> choose(StringRef loss) {
    if (loss == "auto")
      return chooseAuto();
    if (loss == "cross-entropy")
      return chooseLogits();
    if (auto named = find(loss))
      return chooseNamed(*named);
    for (size_t at = loss.find('/'); at != loss.npos; at = loss.find('/', at + 1)) {
      auto sum = find(loss.take_front(at)), count = find(loss.drop_front(at + 1));
      if (sum && count)
        return chooseQuotient(*sum, *count);
    }
    return fail("the loss is '" + loss + "', expected auto, cross-entropy, an "
                "output or SUM/COUNT of two");
  }

private:
  FailureOr<LossChoice> fail(const Twine &what) {
    return emitError(model.getLoc()) << what << ", got outputs " << list(all());
  }

  FailureOr<LossChoice> chooseAuto() {
    if (auto named = find("logits"); named && isLogits(*named))
      return LossChoice{LossChoice::CrossEntropy, *named};
    SmallVector<unsigned> candidates = llvm::filter_to_vector(
        all(), [&](unsigned i) { return isScalar(i) || holdsLabels(i); });
    if (candidates.size() == 1)
      return chooseNamed(candidates.front());
    if (candidates.empty())
      return fail("no loss found, expected an output named 'logits', one with "
                  "a column for every label, or a scalar; --loss=NAME takes "
                  "another");
    return emitError(model.getLoc())
           << "each of the outputs " << list(candidates)
           << " may be the loss or the logits, expected --loss=NAME with the "
              "name of one, or one output named 'logits'";
  }

  FailureOr<LossChoice> chooseLogits() {
    auto logits = find("logits");
    if (!logits || !isLogits(*logits)) {
      auto candidates = llvm::filter_to_vector(
          all(), [&](unsigned i) { return holdsLabels(i); });
      if (candidates.size() != 1)
        return fail("cross-entropy expects an output named 'logits', or a "
                    "single one with a column for every label; --loss=NAME "
                    "takes another");
      logits = candidates.front();
    }
    return LossChoice{LossChoice::CrossEntropy, *logits};
  }

  FailureOr<LossChoice> chooseNamed(unsigned output) {
    if (isScalar(output))
      return LossChoice{LossChoice::Own, output};
    if (isLogits(output))
      return LossChoice{LossChoice::CrossEntropy, output};
    return fail("expected the loss '" + name(output) +
                "' to be a scalar floating-point output of the model, or "
                "logits of two dimensions or more and at least two columns");
  }

  FailureOr<LossChoice> chooseQuotient(unsigned sum, unsigned count) {
    if (isScalar(sum) && isNumber(count))
      return LossChoice{LossChoice::Quotient, sum, count};
    return fail("expected the loss '" + name(sum) + "' and its count '" +
                name(count) + "' to be scalars");
  }

  SmallVector<unsigned> all() {
    return llvm::to_vector(llvm::seq<unsigned>(0, forward.getNumResults()));
  }
  StringRef name(unsigned i) {
    return cast<StringAttr>(model.getOutputs()[i]).getValue();
  }
  RankedTensorType type(unsigned i) {
    return dyn_cast<RankedTensorType>(forward.getResultTypes()[i]);
  }
  std::optional<unsigned> find(StringRef wanted) {
    for (unsigned i : all())
      if (name(i) == wanted)
        return i;
    return std::nullopt;
  }
  std::string list(ArrayRef<unsigned> outputs) {
    std::string text;
    llvm::raw_string_ostream out(text);
    llvm::interleaveComma(outputs, out, [&](unsigned i) {
      out << name(i) << ": " << forward.getResultTypes()[i];
    });
    return text;
  }

  bool isFloat(unsigned i) {
    return type(i) && isa<FloatType>(type(i).getElementType());
  }
  bool isNumber(unsigned i) {
    return type(i) && type(i).hasStaticShape() && type(i).getNumElements() == 1;
  }
  bool isScalar(unsigned i) { return isFloat(i) && isNumber(i); }
  /// A single class would leave nothing to learn.
  bool isLogits(unsigned i) {
    return isFloat(i) && type(i).getRank() >= 2 && type(i).getShape().back() > 1;
  }

  /// Whether there is a column for every label. With a row for each id, labels
  /// are ids.
  bool holdsLabels(unsigned i) {
    if (!isLogits(i))
      return false;
    for (BlockArgument input : forward.getArguments()) {
      auto ids = dyn_cast<RankedTensorType>(input.getType());
      if (!ids || ids.getShape() != type(i).getShape().drop_back())
        continue;
      auto bounds = findIndexBounds(input);
      if (bounds && bounds->high > type(i).getShape().back())
        return false;
    }
    return true;
  }

  pipe::ModelOp model;
  func::FuncOp forward;
};

} // namespace

FailureOr<LossChoice> bitpipe::chooseLoss(pipe::ModelOp model,
                                          func::FuncOp forward, StringRef loss) {
  return Outputs(model, forward).choose(loss);
}
