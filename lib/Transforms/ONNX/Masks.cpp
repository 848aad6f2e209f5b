//===- Masks.cpp - What a constant mask keeps of scores --------------------===//

#include "lib/Transforms/ONNX/Masks.h"
#include "lib/Transforms/ONNX/Scores.h"

#include "mlir/IR/TypeUtilities.h"

#include <cmath>

using namespace mlir;
using namespace bitpipe;

namespace {

/// A constant as truth values: whether an element takes part.
struct Truth {
  std::vector<bool> takesPart;
  bool isInfinite = true;
};

/// Nothing if it adds anything but 0 and what keeps an element out.
std::optional<Truth> truthOfAddend(const Constant &mask, double factor) {
  Truth truth;
  for (double value : mask.reals) {
    double added = value * factor;
    if (value != 0 && !(added <= kMaskedOut))
      return std::nullopt;
    truth.takesPart.push_back(value == 0);
    truth.isInfinite &= value == 0 || std::isinf(added);
  }
  return truth;
}

Truth truthOfChoice(const Constant &mask, bool wanted, double fill) {
  Truth truth;
  for (int64_t value : mask.integers)
    truth.takesPart.push_back((value != 0) == wanted);
  truth.isInfinite = std::isinf(fill);
  return truth;
}

/// A row's columns from the first to the last that takes part.
struct Span {
  int64_t first = 0, last = -1;
  bool isWhole = true; ///< None between them is left out.
};

Span spanOf(const Truth &truth, int64_t begin, int64_t columns) {
  Span span;
  int64_t count = 0;
  for (int64_t column = 0; column < columns; ++column) {
    if (!truth.takesPart[begin + column])
      continue;
    span.first = count == 0 ? column : span.first;
    span.last = column;
    ++count;
  }
  span.isWhole = count == span.last - span.first + 1;
  return span;
}

/// The narrowest band that holds all that takes part; it may hold more.
void widen(MaskForm &form, const Span &span, int64_t middle) {
  form.left = std::max(form.left.value_or(middle - span.first), middle - span.first);
  form.right = std::max(form.right.value_or(span.last - middle), span.last - middle);
}

/// Whether the row holds exactly what the band lets take part.
bool fills(const MaskForm &form, const Span &span, int64_t middle, int64_t columns) {
  int64_t first = std::max<int64_t>(middle - *form.left, 0);
  int64_t last = std::min(middle + *form.right, columns - 1);
  if (last < first)
    return span.last < span.first;
  return span.isWhole && span.first == first && span.last == last;
}

/// The band of a mask whose matrices are rows x columns.
void findBand(MaskForm &form, const Truth &truth, int64_t rows, int64_t columns) {
  SmallVector<Span> spans;
  for (int64_t begin = 0; begin < int64_t(truth.takesPart.size()); begin += columns)
    spans.push_back(spanOf(truth, begin, columns));
  auto middleOf = [&](size_t i) { return int64_t(i) % rows + columns - rows; };
  form.hasAllRows = true;
  for (auto [i, span] : llvm::enumerate(spans)) {
    if (span.last < span.first)
      form.hasAllRows = false;
    else
      widen(form, span, middleOf(i));
  }
  bool isBand = form.left && *form.left >= 0 && *form.right >= 0;
  for (auto [i, span] : llvm::enumerate(spans))
    isBand = isBand && fills(form, span, middleOf(i), columns);
  form.kind = isBand ? MaskForm::Band : MaskForm::Other;
  // What reaches over every edge of the matrix limits nothing.
  if (!isBand || *form.left >= columns - 1)
    form.left.reset();
  if (!isBand || *form.right >= rows - 1)
    form.right.reset();
}

MaskForm formOf(const Constant &mask, const Truth &truth, ArrayRef<int64_t> scores) {
  MaskForm form;
  form.isInfinite = truth.isInfinite;
  if (llvm::all_of(truth.takesPart, [](bool takes) { return takes; })) {
    form.kind = MaskForm::Nothing;
    form.hasAllRows = true;
    return form;
  }
  ArrayRef<int64_t> shape = mask.shape();
  if (shape.size() >= 2 && shape.take_back(2) == scores.take_back(2)) {
    findBand(form, truth, scores[scores.size() - 2], scores.back());
    return form;
  }
  // The same in every row, or the same for every column of a row.
  form.kind = MaskForm::Other;
  int64_t width = shape.empty() ? 1 : shape.back();
  form.hasAllRows = true;
  for (int64_t begin = 0; begin < mask.size(); begin += width)
    form.hasAllRows &= spanOf(truth, begin, width).last >= 0;
  return form;
}

} // namespace

/// `number` is the factor of what is added, or what is chosen.
MaskForm MaskReader::read(Value mask, RankedTensorType scores, bool wanted,
                          double number) {
  FailureOr<DenseElementsAttr> attr = parameters.read(mask);
  if (failed(attr) || !*attr || attr->empty())
    return {};
  std::tuple key{attr->getAsOpaquePointer(), scores.getAsOpaquePointer(), wanted, number};
  auto [entry, isNew] = known.try_emplace(key);
  if (!isNew)
    return entry->second;
  Constant constant = Constant::from(*attr);
  if (!constant.isReal()) {
    entry->second = formOf(constant, truthOfChoice(constant, wanted, number), scores.getShape());
  } else if (auto truth = truthOfAddend(constant, number)) {
    entry->second = formOf(constant, *truth, scores.getShape());
  }
  return entry->second;
}

MaskForm MaskReader::added(Value mask, RankedTensorType scores, double factor) {
  bool isReal = isa<FloatType>(getElementTypeOrSelf(mask.getType()));
  return isReal ? read(mask, scores, true, factor) : MaskForm();
}

MaskForm MaskReader::chosen(Value mask, RankedTensorType scores, bool wanted, double fill) {
  bool isTruth = getElementTypeOrSelf(mask.getType()).isInteger(1);
  return isTruth ? read(mask, scores, wanted, fill) : MaskForm();
}
