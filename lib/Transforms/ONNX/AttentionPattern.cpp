//===- AttentionPattern.cpp - Finding attention among nodes ----------------===//
//
// From the softmax down to the product q k^T, and up to the product with v. What
// is computed in another order than pipe.attention's is moved only where every
// number stays the same, or where what is masked out has no weight either way.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/ONNX/AttentionPattern.h"
#include "lib/Transforms/ONNX/AttentionSearch.h"
#include "lib/Transforms/ONNX/Expansion.h"
#include "lib/Transforms/ONNX/Scores.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace mlir;
using namespace bitpipe;

static ArrayRef<int64_t> leadOf(Value value) { return shapeOf(value).drop_back(2); }

/// "Erf 'node_erf_3'"
static std::string describe(Operation *op) {
  auto node = dyn_cast<pipe::OnnxNodeOp>(op);
  StringRef kind = node ? node.getOpType() : op->getName().getStringRef();
  return (kind + " '" + nodeName(op->getLoc()) + "'").str();
}

static std::string written(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

static std::string written(double number) {
  char text[32];
  snprintf(text, sizeof(text), "%g", number);
  return text;
}

/// Whether a product repeats [lead..., m, n] for its matrices, other than one head of
/// keys or values for all heads: in memory that would be a copy for every sample.
static bool isRepeated(Value value, ArrayRef<int64_t> full) {
  SmallVector<int64_t> lead(full.size() - leadOf(value).size(), 1);
  llvm::append_range(lead, leadOf(value));
  if (ArrayRef(lead) == full)
    return false;
  return full.size() < 2 || lead.back() != 1 ||
         ArrayRef(lead).drop_back() != full.drop_back();
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

namespace {

class Reader {
public:
  Reader(MaskReader &masks, AttentionPattern &pattern) : masks(masks), pattern(pattern) {}

  std::string read(Node softmax);

private:
  std::string readProbabilities(Value value);
  std::string readScores(Value value);
  /// One node of the scores; `value` becomes what it is computed from.
  std::string readNode(Node node, Value &value);
  std::string readAdded(Node node, Value &value, double sign);
  std::string readChoice(Node node, Value &value);
  std::string readTanh(Node node, Value &value);
  Value withoutBands(Value mask, RankedTensorType scores, bool wanted, double fill);
  std::string readProduct(Node product);
  std::string checkOutput();
  void findHeads();

  void addTerm(Value value, double scale, RankedTensorType scores);
  bool addBand(const MaskForm &form);
  bool isSpine(Value operand, Value result) {
    return operand.getType() == result.getType() && productBelow(operand);
  }

  MaskReader &masks;
  AttentionPattern &pattern;
  double factor = 1;         // of what has been read, from here to the softmax
  bool followsInput = false; // something added so far depends on the model's inputs
  int masksSeen = 0;         // constant ones
  bool choosesFinite = false;
  SmallVector<int64_t> pair; // batch and heads, where the scores' shape has both
};

} // namespace

/// Narrows the band. A mask that is finite does so only where nothing that is
/// added after it could outweigh it: else it stays a number.
bool Reader::addBand(const MaskForm &form) {
  if (form.kind == MaskForm::Nothing)
    return true;
  if (form.kind != MaskForm::Band)
    return false;
  if (!form.isInfinite && (followsInput || !form.hasAllRows))
    return false;
  auto narrow = [](std::optional<int64_t> &limit, std::optional<int64_t> by) {
    if (by)
      limit = std::min(limit.value_or(*by), *by);
  };
  narrow(pattern.left, form.left);
  narrow(pattern.right, form.right);
  ++masksSeen;
  return true;
}

/// A sum of a bias that is learned and a mask becomes the bias and a band.
void Reader::addTerm(Value value, double scale, RankedTensorType scores) {
  if (addBand(masks.added(value, scores, scale)))
    return;
  if (Node sum = definingNode(value); sum.getOp() && sum.kind() == "Add")
    for (int i : {0, 1}) {
      MaskForm form = masks.added(sum.input(i), scores, scale);
      bool isSafe = form.isInfinite || !dependsOnInputs(sum.input(1 - i));
      if (isSafe && addBand(form))
        return addTerm(sum.input(1 - i), scale, scores);
    }
  pattern.terms.push_back({value, scale, false, true,
                           SmallVector<int64_t>(scores.getShape().drop_back(2))});
  followsInput |= dependsOnInputs(value);
}

std::string Reader::readAdded(Node node, Value &value, double sign) {
  if (pattern.softcap)
    return "it adds to its scores before their softcap, in " + describe(node.getOp());
  for (int i : {0, 1}) {
    if (!isSpine(node.input(i), node.result()) || (sign < 0 && i == 1))
      continue;
    addTerm(node.input(1 - i), factor * sign, node.resultType());
    value = node.input(i);
    return "";
  }
  return "its scores are repeated or subtracted in " + describe(node.getOp()) +
         ", expected something that is added to " + written(node.resultType());
}

/// A window that is combined with the data's padding becomes the band; the padding
/// is what is left, in the shape that it had before.
Value Reader::withoutBands(Value mask, RankedTensorType scores, bool wanted, double fill) {
  StringRef kind = wanted ? "And" : "Or";
  for (Node both = nodeOf(mask, kind); both.getOp(); both = nodeOf(mask, kind)) {
    int i = 0;
    while (i < 2 && !addBand(masks.chosen(both.input(i), scores, wanted, fill)))
      ++i;
    if (i == 2)
      break;
    mask = both.input(1 - i);
  }
  return mask;
}

std::string Reader::readChoice(Node node, Value &value) {
  if (pattern.softcap)
    return "it masks its scores before their softcap, in " + describe(node.getOp());
  int i = isSpine(node.input(1), node.result()) ? 1 : 2;
  if (i == 2 && !isSpine(node.input(2), node.result()))
    return "its scores are repeated in " + describe(node.getOp()) + ", expected " +
           written(node.resultType());
  auto number = splatNumber(node.input(3 - i));
  if (!number)
    return "its mask " + describe(node.getOp()) + " puts other values than one constant number";
  double fill = *number * factor;
  if (!(fill <= kMaskedOut))
    return llvm::formatv("its mask {0} puts {1}, expected -infinity or a number of at most {2}",
                         describe(node.getOp()), written(fill), written(kMaskedOut));
  value = node.input(i);
  Value mask = withoutBands(node.input(0), node.resultType(), i == 1, fill);
  MaskForm form = masks.chosen(mask, node.resultType(), i == 1, fill);
  if (addBand(form))
    return "";
  bool isKnown = form.kind != MaskForm::Unknown;
  if (!std::isinf(fill) && !(isKnown && form.hasAllRows && !followsInput))
    return llvm::formatv("its mask {0} puts {1}, expected -infinity: there may be rows that have nothing else",
                         describe(node.getOp()), written(fill));
  choosesFinite |= !std::isinf(fill);
  masksSeen += isKnown;
  pattern.terms.push_back({mask, 1, true, i == 1,
                           SmallVector<int64_t>(node.resultType().getShape().drop_back(2))});
  followsInput |= !isKnown && dependsOnInputs(mask);
  return "";
}

/// C tanh(score / C): C is what follows it.
std::string Reader::readTanh(Node node, Value &value) {
  if (pattern.softcap)
    return "it has a second softcap, " + describe(node.getOp());
  pattern.softcap = factor;
  factor = 1;
  value = node.input(0);
  return "";
}

std::string Reader::readNode(Node node, Value &value) {
  if (auto scaled = constantFactor(value)) {
    if (!(scaled->first > 0) || !std::isfinite(scaled->first))
      return llvm::formatv("its scores are multiplied with {0}, expected a factor above 0", written(scaled->first));
    factor *= scaled->first;
    value = scaled->second;
    return "";
  }
  if (isReshape(node)) {
    if (node.inputShape(0).size() < 2 || node.inputShape(0).take_back(2) != node.resultType().getShape().take_back(2))
      return "its scores change from " + written(node.inputType(0)) + " to " +
             written(node.resultType()) + ", expected the same rows and columns";
    value = node.input(0);
    return "";
  }
  if (node.kind() == "Add" || node.kind() == "Sub")
    return readAdded(node, value, node.kind() == "Add" ? 1 : -1);
  if (node.kind() == "Where")
    return readChoice(node, value);
  if (node.kind() == "Tanh")
    return readTanh(node, value);
  return "its scores go through " + describe(node.getOp()) + ", for which it has no place";
}

std::string Reader::readProduct(Node product) {
  if (product.inputType(0).getRank() < 2 || product.inputType(1).getRank() < 2)
    return "its scores are no product of matrices";
  if (!isa<Float32Type>(product.resultType().getElementType()))
    return "its scores are " + written(product.resultType()) + ", expected f32";
  if (product.inputType(0).getNumElements() == 0 || pattern.output.resultType().getNumElements() == 0)
    return "its heads have no elements";
  if (isRepeated(product.input(1), leadOf(product.result())))
    return "its keys " + written(product.inputType(1)) + " are the same for several of its queries " +
           written(product.inputType(0));
  pattern.product = product;
  pattern.q = product.input(0);
  pattern.k = product.input(1);
  pattern.scale = factor * pattern.softcap.value_or(1);
  for (Value *operand : {&pattern.q, &pattern.k})
    while (auto scaled = constantFactor(*operand)) { // (a q)(b k) = ab (q k)
      pattern.scale *= scaled->first;
      *operand = scaled->second;
    }
  if (!std::isfinite(pattern.scale))
    return llvm::formatv("its scores are multiplied with {0}, expected a finite number", written(pattern.scale));
  if (choosesFinite && masksSeen > 1)
    return "it has several masks, of which one puts a finite number: there may be rows that have nothing else";
  return "";
}

std::string Reader::readScores(Value value) {
  while (true) {
    if (!value.hasOneUse())
      return "its scores are used elsewhere, too";
    if (shapeOf(value).size() == 4)
      pair.assign(leadOf(value).begin(), leadOf(value).end());
    Node node = definingNode(value);
    if (!node.getOp())
      return "its scores are not computed by a product";
    if (node.kind() == "MatMul")
      return readProduct(node);
    if (std::string why = readNode(node, value); !why.empty())
      return why;
  }
}

std::string Reader::readProbabilities(Value value) {
  while (true) {
    if (!value.hasOneUse())
      return value.use_empty() ? "nothing uses it" : "its probabilities are used elsewhere, too";
    Operation *user = *value.user_begin();
    if (auto dropout = dyn_cast<pipe::DropoutOp>(user)) {
      if (pattern.dropout)
        return "its probabilities go through two dropouts";
      pattern.dropout = dropout;
      value = dropout.getResult(0);
      continue;
    }
    auto op = dyn_cast<pipe::OnnxNodeOp>(user);
    if (!op)
      return "its probabilities are a result of the model";
    Node node(op);
    if (node.kind() == "MatMul" && node.input(0) == value) {
      pattern.output = node;
      return checkOutput();
    }
    if (!isReshape(node) || node.resultType().getRank() < 2 ||
        node.resultType().getShape().take_back(2) != shapeOf(value).take_back(2))
      return "its probabilities go through " + describe(user) + ", expected a product with v";
    value = node.result();
  }
}

std::string Reader::checkOutput() {
  const Node &output = pattern.output;
  if (output.inputType(1).getRank() < 2)
    return "its values are " + written(output.inputType(1)) + ", expected matrices";
  if (leadOf(output.result()) != leadOf(output.input(0)))
    return "its values " + written(output.inputType(1)) + " repeat its probabilities " +
           written(output.inputType(0));
  if (isRepeated(output.input(1), leadOf(output.result())))
    return "its values " + written(output.inputType(1)) + " are the same for several of its probabilities " +
           written(output.inputType(0));
  return "";
}

/// Heads are the dimension before rows and columns. Where scores have heads and
/// batch in one, some other shape may tell them apart.
void Reader::findHeads() {
  ArrayRef<int64_t> lead = leadOf(pattern.product.result());
  if (shapeOf(pattern.output.result()).size() == 4 && pair.empty())
    pair.assign(leadOf(pattern.output.result()).begin(), leadOf(pattern.output.result()).end());
  Value q = pattern.q;
  if (Node node = definingNode(q); pair.empty() && node.getOp() && isReshape(node) &&
                             node.inputType(0).getRank() == 4 &&
                             node.inputShape(0).take_back(2) == shapeOf(q).take_back(2))
    pair.assign(node.inputShape(0).begin(), node.inputShape(0).begin() + 2);
  if (lead.size() == 2)
    pair.assign(lead.begin(), lead.end());
  if (lead.size() > 2)
    pair = {ShapedType::getNumElements(lead.drop_back()), lead.back()};
  int64_t matrices = ShapedType::getNumElements(lead);
  if (pair.empty() || pair[0] * pair[1] != matrices)
    pair = {matrices, 1};
  pattern.batch = pair[0];
  pattern.heads = pair[1];
}

std::string Reader::read(Node softmax) {
  int64_t rank = softmax.inputType(0).getRank();
  auto axis = softmax.axis(-1, rank);
  if (rank < 2 || !axis || *axis != rank - 1)
    return llvm::formatv("its softmax is along dimension {0} of {1}, expected the last of at least two",
                         axis.value_or(-1), rank);
  if (softmax.inputType(0).getNumElements() == 0)
    return "its scores are " + written(softmax.inputType(0)) + ", expected some";
  if (std::string why = readProbabilities(softmax.result()); !why.empty())
    return why;
  if (std::string why = readScores(softmax.input(0)); !why.empty())
    return why;
  findHeads();
  return "";
}

std::string bitpipe::readAttention(Node softmax, MaskReader &masks, AttentionPattern &pattern) {
  return Reader(masks, pattern).read(softmax);
}
