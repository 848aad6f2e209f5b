//===- OperatorsElementwise.cpp - Scalar functions on tensors --------------===//
//
// Types and constant folding. How they become linalg.generic is in
// LegalizeElementwise.cpp.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/ONNX/IntegerBodies.h"
#include "lib/Transforms/ONNX/Operators.h"
#include "lib/Transforms/ONNX/Reader.h"

#include <cmath>

using namespace mlir;
using namespace bitpipe;

namespace {

using RealFunction = double (*)(double, double);
using IntegerFunction = int64_t (*)(int64_t, int64_t);
struct Functions {
  RealFunction real = nullptr;
  IntegerFunction integer = nullptr;
};

double power(double a, double b) { return std::pow(a, b); }
int64_t wrapAdd(int64_t a, int64_t b) { return uint64_t(a) + uint64_t(b); }
int64_t wrapSub(int64_t a, int64_t b) { return uint64_t(a) - uint64_t(b); }
int64_t wrapMul(int64_t a, int64_t b) { return uint64_t(a) * uint64_t(b); }
/// NaN if one of them is.
double largest(double a, double b) { return std::isnan(a) || a > b ? a : b; }
double smallest(double a, double b) { return std::isnan(a) || a < b ? a : b; }
template <bool ofDividend>
int64_t modulo(int64_t a, int64_t b) {
  return moduloOf(a, b, ofDividend);
}

/// Functions of one or two numbers whose result has the type of the operands.
Functions arithmetic(StringRef kind) {
  static const llvm::StringMap<Functions> table = {
      {"Add", {[](double a, double b) { return a + b; }, wrapAdd}},
      {"Sub", {[](double a, double b) { return a - b; }, wrapSub}},
      {"Mul", {[](double a, double b) { return a * b; }, wrapMul}},
      {"Div", {[](double a, double b) { return a / b; }, quotientOf}},
      {"Mod", {nullptr, modulo<false>}},
      {"Mod of the dividend's sign",
       {[](double a, double b) { return std::fmod(a, b); }, modulo<true>}},
      {"Pow", {power, powerOf}},
      {"Max",
       {largest,
        [](int64_t a, int64_t b) { return std::max(a, b); }}},
      {"Min",
       {smallest,
        [](int64_t a, int64_t b) { return std::min(a, b); }}},
      {"And", {nullptr, [](int64_t a, int64_t b) { return a & b; }}},
      {"Or", {nullptr, [](int64_t a, int64_t b) { return a | b; }}},
      {"Xor", {nullptr, [](int64_t a, int64_t b) { return a ^ b; }}},
      {"Not", {nullptr, [](int64_t a, int64_t) { return int64_t(!a); }}},
      {"Neg", {[](double a, double) { return -a; },
               [](int64_t a, int64_t) { return wrapSub(0, a); }}},
      {"Abs", {[](double a, double) { return std::fabs(a); },
               [](int64_t a, int64_t) { return a < 0 ? wrapSub(0, a) : a; }}},
      {"Sqrt", {[](double a, double) { return std::sqrt(a); }, nullptr}},
      {"Exp", {[](double a, double) { return std::exp(a); }, nullptr}},
      {"Log", {[](double a, double) { return std::log(a); }, nullptr}},
      {"Cos", {[](double a, double) { return std::cos(a); }, nullptr}},
      {"Sin", {[](double a, double) { return std::sin(a); }, nullptr}},
      {"Tanh", {[](double a, double) { return std::tanh(a); }, nullptr}},
      {"Erf", {[](double a, double) { return std::erf(a); }, nullptr}},
      {"Floor", {[](double a, double) { return std::floor(a); }, nullptr}},
      {"Ceil", {[](double a, double) { return std::ceil(a); }, nullptr}},
      {"Reciprocal", {[](double a, double) { return 1 / a; }, nullptr}},
      {"Sigmoid",
       {[](double a, double) { return 1 / (1 + std::exp(-a)); }, nullptr}},
      {"Relu", {[](double a, double) { return a > 0 ? a : 0.0; }, nullptr}},
      {"Identity", {[](double a, double) { return a; },
                    [](int64_t a, int64_t) { return a; }}},
  };
  return table.lookup(kind);
}

template <typename T>
bool compare(StringRef kind, T a, T b) {
  if (kind == "Equal")
    return a == b;
  if (kind == "Less")
    return a < b;
  if (kind == "LessOrEqual")
    return a <= b;
  if (kind == "Greater")
    return a > b;
  if (kind == "GreaterOrEqual")
    return a >= b;
  return a != a; // IsNaN
}

LogicalResult inferBroadcast(const Node &node, SmallVectorImpl<Type> &types) {
  auto shape = broadcastInputs(node);
  if (!shape)
    return failure();
  types.push_back(
      RankedTensorType::get(*shape, node.inputType(0).getElementType()));
  return success();
}

LogicalResult inferComparison(const Node &node, SmallVectorImpl<Type> &types) {
  auto shape = broadcastInputs(node);
  if (!shape)
    return failure();
  types.push_back(RankedTensorType::get(
      *shape, IntegerType::get(node.loc().getContext(), 1)));
  return success();
}

LogicalResult inferWhere(const Node &node, SmallVectorImpl<Type> &types) {
  auto shape = broadcastInputs(node);
  if (!shape)
    return failure();
  types.push_back(
      RankedTensorType::get(*shape, node.inputType(1).getElementType()));
  return success();
}

LogicalResult inferCast(const Node &node, SmallVectorImpl<Type> &types) {
  int to = node.integer("to", 0);
  Type element = elementType(to, node.loc().getContext());
  if (!element)
    return node.error() << "casts to " << elementTypeName(to)
                        << ", which is not supported";
  Type from = node.inputType(0).getElementType();
  if (isWidened(to) && !from.isInteger(1) && !constantOf(node.input(0)))
    return node.error() << "casts " << from << " to " << elementTypeName(to)
                        << ", which is supported for truth values and constants "
                           "only: what wraps around there would not do so here";
  types.push_back(node.inputType(0).clone(element));
  return success();
}

LogicalResult inferCastLike(const Node &node, SmallVectorImpl<Type> &types) {
  types.push_back(node.inputType(0).clone(node.inputType(1).getElementType()));
  return success();
}

/// Calls `visit` with the element of every input that each result element is
/// computed from.
void forEachElement(ArrayRef<Constant> inputs, ArrayRef<int64_t> shape,
                    function_ref<void(int64_t, ArrayRef<int64_t>)> visit) {
  SmallVector<SmallVector<int64_t>> strides;
  for (const Constant &input : inputs)
    strides.push_back(broadcastStrides(input.shape(), shape));
  Index index(shape);
  SmallVector<int64_t> at(inputs.size());
  for (int64_t i = 0, n = ShapedType::getNumElements(shape); i < n;
       ++i, index.next()) {
    for (size_t k = 0; k < inputs.size(); ++k)
      at[k] = linear(index.values(), strides[k]);
    visit(i, at);
  }
}

/// Rounds to float where the type says so, as every operator in the file does.
double rounded(double value, Type element) {
  return element.isF32() ? double(float(value)) : value;
}

LogicalResult evaluateArithmetic(const Node &node, ArrayRef<Constant> inputs,
                                 MutableArrayRef<Constant> results) {
  Constant &result = results.front();
  Functions f = arithmetic(
      node.integer("fmod", 0) ? "Mod of the dividend's sign" : node.kind());
  Type element = result.type.getElementType();
  if (result.isReal() ? !f.real : !f.integer)
    return node.error() << "is not defined on " << element;
  forEachElement(inputs, result.shape(), [&](int64_t to, ArrayRef<int64_t> at) {
    auto fold = [&](auto first, auto read, auto function) {
      if (inputs.size() == 1)
        return function(first, first);
      for (size_t k = 1; k < inputs.size(); ++k)
        first = function(first, read(k));
      return first;
    };
    auto asReal = [&](size_t k) {
      return inputs[k].isReal() ? inputs[k].reals[at[k]]
                                : double(inputs[k].integers[at[k]]);
    };
    auto asInteger = [&](size_t k) { return inputs[k].integers[at[k]]; };
    if (result.isReal())
      result.reals[to] = rounded(fold(asReal(0), asReal, f.real), element);
    else if (inputs.back().isReal()) // a power of an integer
      result.integers[to] = toInteger(fold(asReal(0), asReal, f.real), element);
    else
      result.integers[to] = wrapped(fold(asInteger(0), asInteger, f.integer), element);
  });
  return success();
}

LogicalResult evaluateComparison(const Node &node, ArrayRef<Constant> inputs,
                                 MutableArrayRef<Constant> results) {
  Constant &result = results.front();
  bool real = inputs.front().isReal();
  const Constant &a = inputs.front(), &b = inputs.back();
  forEachElement(inputs, result.shape(), [&](int64_t to, ArrayRef<int64_t> at) {
    result.integers[to] =
        real ? compare(node.kind(), a.reals[at.front()], b.reals[at.back()])
             : compare(node.kind(), a.integers[at.front()],
                       b.integers[at.back()]);
  });
  return success();
}

LogicalResult evaluateWhere(const Node &, ArrayRef<Constant> inputs,
                            MutableArrayRef<Constant> results) {
  Constant &result = results.front();
  forEachElement(inputs, result.shape(), [&](int64_t to, ArrayRef<int64_t> at) {
    int choice = inputs[0].integers[at[0]] ? 1 : 2;
    result.copy(to, inputs[choice], at[choice]);
  });
  return success();
}

/// The value that a type which isWidened keeps of another.
int64_t narrowed(int64_t value, int onnxType) {
  switch (onnxType) {
  case 2:
    return uint8_t(value);
  case 3:
    return int8_t(value);
  case 4:
    return uint16_t(value);
  case 5:
    return int16_t(value);
  case 12:
    return uint32_t(value);
  }
  return value;
}

LogicalResult evaluateCast(const Node &node, ArrayRef<Constant> inputs,
                           MutableArrayRef<Constant> results) {
  Constant &result = results.front();
  const Constant &from = inputs.front();
  Type element = result.type.getElementType();
  for (int64_t i = 0; i < result.size(); ++i) {
    if (result.isReal())
      result.reals[i] = rounded(
          from.isReal() ? from.reals[i] : double(from.integers[i]), element);
    else if (from.isReal())
      result.integers[i] = toInteger(from.reals[i], element);
    else
      result.integers[i] = element.isInteger(1) ? from.integers[i] != 0
                                                : wrapped(from.integers[i], element);
    if (!result.isReal())
      result.integers[i] = narrowed(result.integers[i], node.integer("to", 0));
  }
  return success();
}

std::string checkCast(const Node &node) {
  int64_t to = node.integer("to", 0);
  return elementType(to, node.loc().getContext())
             ? ""
             : "cast to " + elementTypeName(to);
}

std::string checkGelu(const Node &node) {
  StringRef form = node.string("approximate", "none");
  return form == "none" || form == "tanh" ? ""
                                          : ("approximation " + form).str();
}

LogicalResult inferDropout(const Node &node, SmallVectorImpl<Type> &types) {
  types.push_back(node.inputType(0));
  if (node.getOp()->getNumResults() > 1)
    types.push_back(node.inputType(0).clone(
        IntegerType::get(node.loc().getContext(), 1)));
  return success();
}

} // namespace

void bitpipe::addElementwiseOperators(OperatorTable &table) {
  for (StringRef unary :
       {"Not", "Neg", "Abs", "Sqrt", "Exp", "Log", "Cos", "Sin", "Tanh", "Erf",
        "Floor", "Ceil", "Reciprocal", "Sigmoid", "Relu", "Identity"})
    table[unary] = {1, 1, inferSameAsInput, evaluateArithmetic};
  for (StringRef binary : {"Add", "Sub", "Mul", "Div", "Mod", "Pow", "And",
                           "Or", "Xor"})
    table[binary] = {2, 2, inferBroadcast, evaluateArithmetic};
  for (StringRef variadic : {"Max", "Min"})
    table[variadic] = {1, ~0u, inferBroadcast, evaluateArithmetic};
  for (StringRef comparison :
       {"Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"})
    table[comparison] = {2, 2, inferComparison, evaluateComparison};
  table["IsNaN"] = {1, 1, inferComparison, evaluateComparison};
  table["Where"] = {3, 3, inferWhere, evaluateWhere};
  table["Cast"] = {1, 1, inferCast, evaluateCast, ~0u, checkCast};
  table["CastLike"] = {2, 2, inferCastLike, evaluateCast, 1};
  table["Gelu"] = {1, 1, inferSameAsInput, nullptr, ~0u, checkGelu};
  table["Dropout"] = {1, 3, inferDropout};
}
