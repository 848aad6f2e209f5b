//===- CudnnDescriptor.cpp - A descriptor of cuDNN's backend interface -----------===//

#include "test/Doubles/CudnnDescriptor.h"

#include <set>

using namespace doubles;
using namespace bitpipe::cudnn;

namespace {

/// What has to be set, of a type each.
std::vector<std::pair<Attribute, AttributeType>> needs(DescriptorType type) {
  switch (type) {
  case TensorDescriptor:
    return {{TensorNumber, Int64Type}, {TensorType, DataTypeType}, {TensorAlignment, Int64Type},
            {TensorSizes, Int64Type}, {TensorStrides, Int64Type}};
  case Pointwise:
    return {{PointwiseMode, PointwiseModeType}, {PointwisePrecision, DataTypeType}};
  case Matmul:
    return {{MatmulType, DataTypeType}};
  case Reduction:
    return {{ReductionOperator, ReductionOperatorType}, {ReductionType, DataTypeType}};
  case OperationPointwise:
    return {{OperationPointwiseDescriptor, DescriptorAttribute}, {OperationPointwiseX, DescriptorAttribute},
            {OperationPointwiseY, DescriptorAttribute}};
  case OperationMatmul:
    return {{OperationMatmulA, DescriptorAttribute}, {OperationMatmulB, DescriptorAttribute},
            {OperationMatmulC, DescriptorAttribute}, {OperationMatmulDescriptor, DescriptorAttribute}};
  case OperationReduction:
    return {{OperationReductionX, DescriptorAttribute}, {OperationReductionY, DescriptorAttribute},
            {OperationReductionDescriptor, DescriptorAttribute}};
  case OperationReshape:
    return {{OperationReshapeX, DescriptorAttribute}, {OperationReshapeY, DescriptorAttribute}};
  case OperationGraph:
    return {{GraphOperations, DescriptorAttribute}, {GraphHandle, HandleType}};
  case EngineHeuristic:
    return {{HeuristicGraph, DescriptorAttribute}, {HeuristicMode, HeuristicModeType}};
  case ExecutionPlan:
    return {{PlanConfig, DescriptorAttribute}, {PlanHandle, HandleType}};
  case VariantPack:
    return {{PackNumbers, Int64Type}, {PackPointers, PointerType}, {PackWorkspace, PointerType}};
  default:
    return {};
  }
}

GraphTensor tensorOf(const Descriptor &d) {
  return {d.one<DataType>(TensorType),       d.one<int64_t>(TensorAlignment),
          d.all<int64_t>(TensorSizes),       d.all<int64_t>(TensorStrides),
          d.one<bool>(TensorIsVirtual),      d.one<bool>(TensorIsByValue)};
}

GraphStep stepOf(const Descriptor &d) {
  auto number = [&](Attribute attribute) {
    return d.has(attribute) ? d.other(attribute).one<int64_t>(TensorNumber) : 0;
  };
  switch (d.type) {
  case OperationMatmul:
    return {d.type, 0, 0, number(OperationMatmulA), number(OperationMatmulB), 0, number(OperationMatmulC)};
  case OperationReduction:
    return {d.type, d.other(OperationReductionDescriptor).one<int>(ReductionOperator), 0,
            number(OperationReductionX), 0, 0, number(OperationReductionY)};
  case OperationReshape:
    return {d.type, 0, 0, number(OperationReshapeX), 0, 0, number(OperationReshapeY)};
  default:
    const Descriptor &kind = d.other(OperationPointwiseDescriptor);
    return {d.type, kind.one<int>(PointwiseMode), kind.one<int64_t>(PointwiseAxis),
            number(OperationPointwiseX), number(OperationPointwiseB), number(OperationPointwiseT),
            number(OperationPointwiseY)};
  }
}

const char *faultOfTensor(const GraphTensor &tensor) {
  if (tensor.sizes.size() != tensor.strides.size() || tensor.sizes.empty())
    return "a tensor has not as many strides as sizes";
  for (size_t d = 0; d < tensor.sizes.size(); ++d)
    if (tensor.sizes[d] < 1 || tensor.strides[d] < 1)
      return "a tensor has a size or stride below 1";
  if (tensor.isByValue && tensor.elements() != 1)
    return "more than one number is given by value";
  return nullptr;
}

/// Each step reads what is there, and each number is one tensor's.
const char *faultOfGraph(const Descriptor &d) {
  Graph graph = graphOf(d);
  std::set<int64_t> made;
  for (const GraphStep &step : graph.steps) {
    for (int64_t operand : {step.x, step.b, step.condition})
      if (operand && graph.tensors.at(operand).isVirtual && !made.contains(operand))
        return "an operation reads what none has made";
    if (!made.insert(step.y).second)
      return "two operations make one tensor";
  }
  return nullptr;
}

const char *faultOfContent(const Descriptor &d) {
  if (d.type == TensorDescriptor)
    return faultOfTensor(tensorOf(d));
  if (d.type == OperationGraph)
    return faultOfGraph(d);
  if (d.type == VariantPack &&
      d.values.at(PackNumbers).count != d.values.at(PackPointers).count)
    return "as many pointers are expected as numbers";
  if (d.type == OperationPointwise || d.type == OperationMatmul || d.type == OperationReduction ||
      d.type == OperationReshape) {
    std::map<int64_t, GraphTensor> tensors;
    for (auto &[attribute, value] : d.values)
      if (const Descriptor &tensor = d.other(attribute); tensor.type == TensorDescriptor)
        tensors[tensor.one<int64_t>(TensorNumber)] = tensorOf(tensor);
    return doubles::faultOf(stepOf(d), tensors);
  }
  return nullptr;
}

} // namespace

size_t doubles::bytesOf(AttributeType type) {
  switch (type) {
  case BooleanType:
  case CharType:
    return 1;
  case HandleType:
  case Int64Type:
  case PointerType:
  case DescriptorAttribute:
    return 8;
  default:
    return 4;
  }
}

Graph doubles::graphOf(const Descriptor &d) {
  Graph graph;
  for (const Descriptor *operation : d.all<const Descriptor *>(GraphOperations)) {
    graph.steps.push_back(stepOf(*operation));
    for (auto &[attribute, value] : operation->values)
      if (const Descriptor &tensor = operation->other(attribute); tensor.type == TensorDescriptor)
        graph.tensors[tensor.one<int64_t>(TensorNumber)] = tensorOf(tensor);
  }
  return graph;
}

std::string doubles::faultOf(const Descriptor &d) {
  for (auto [attribute, type] : needs(d.type))
    if (!d.has(attribute) || d.values.at(attribute).type != type)
      return "descriptor " + std::to_string(d.type) + " lacks attribute " +
             std::to_string(attribute) + ", or has it of another type";
  const char *fault = faultOfContent(d);
  return fault ? fault : "";
}
