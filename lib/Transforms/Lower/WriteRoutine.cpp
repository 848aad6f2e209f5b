//===- WriteRoutine.cpp - From calls on places to a pipe.routine -----------===//
//
// The part of RoutineBuilder that numbers the blocks a routine uses and packs
// its temporaries into the scratch block.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Lower/Packing.h"
#include "lib/Transforms/Lower/RoutineBuilder.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/STLForwardCompat.h"
#include "llvm/ADT/StringExtras.h"

#include <set>

using namespace mlir;
using namespace bitpipe;
using namespace bitpipe::lower;

namespace {

/// From buffers to the blocks of one routine.
class BlockTable {
public:
  explicit BlockTable(const Memory &memory) : memory(memory) {}

  /// Notes that call number `at` uses the buffer.
  void use(const Place &place, int64_t at) {
    const Buffer &buffer = memory[place.buffer];
    if (buffer.block) {
      blocks[*buffer.block] = buffer.bytes;
      return;
    }
    auto [entry, isNew] = lifetimes.try_emplace(
        place.buffer, Lifetime{buffer.bytes, at, at});
    if (!isNew)
      entry->second.last = at;
  }

  /// Notes that a call writes to the buffer.
  void write(const Place &place) {
    if (auto block = memory[place.buffer].block)
      written.insert(*block);
  }

  void finish() {
    std::vector<Lifetime> list;
    for (auto &[buffer, lifetime] : lifetimes)
      list.push_back(lifetime);
    Packing packing = pack(list, abi::alignment);
    for (auto [entry, offset] : llvm::zip(lifetimes, packing.offsets))
      offsets[entry.first] = offset;
    if (packing.bytes)
      blocks[{Role::Scratch}] = packing.bytes;
    for (auto [number, entry] : llvm::enumerate(blocks))
      numbers[entry.first] = number;
  }

  pipe::RefAttr ref(MLIRContext *context, const Place &place) const {
    auto block = memory[place.buffer].block;
    RoutineBlock key = block.value_or(RoutineBlock{Role::Scratch});
    return pipe::RefAttr::get(context, numbers.at(key),
                              place.offset + offsets.lookup(place.buffer));
  }

  SmallVector<int64_t> sizes() const {
    return llvm::map_to_vector(blocks, [](auto &entry) { return entry.second; });
  }
  SmallVector<std::string> roles() const {
    return llvm::map_to_vector(blocks,
                               [](auto &entry) { return entry.first.text(); });
  }

  SmallVector<bool> writes() const {
    return llvm::map_to_vector(blocks, [&](auto &entry) {
      return entry.first.role == Role::Scratch || written.count(entry.first);
    });
  }

private:
  const Memory &memory;
  std::map<RoutineBlock, int64_t> blocks;  // to bytes
  std::map<RoutineBlock, int64_t> numbers; // in the routine
  std::set<RoutineBlock> written;
  llvm::MapVector<unsigned, Lifetime> lifetimes;
  llvm::DenseMap<unsigned, int64_t> offsets; // in the scratch block
};

} // namespace

SmallVector<Place> RoutineBuilder::Call::places() const {
  if (auto *kernel = std::get_if<KernelCall>(&what))
    return kernel->arguments;
  SmallVector<Place> places;
  if (auto *attention = std::get_if<AttentionCall>(&what)) {
    for (const AttentionCall::Operand &operand : attention->operands)
      places.push_back(operand.place);
    places.push_back(attention->workspace);
    return places;
  }
  auto &product = std::get<MatmulCall>(what);
  places = {product.a, product.b, product.c};
  if (product.bias)
    places.push_back(*product.bias);
  for (const std::optional<Place> &more : {product.residual, product.biasGradient})
    if (more)
      places.push_back(*more);
  return places;
}

SmallVector<Place> RoutineBuilder::Call::written() const {
  if (auto *kernel = std::get_if<KernelCall>(&what))
    return kernel->written;
  SmallVector<Place> places;
  if (auto *product = std::get_if<MatmulCall>(&what)) {
    places.push_back(product->c);
    if (product->biasGradient)
      places.push_back(*product->biasGradient);
    return places;
  }
  auto &attention = std::get<AttentionCall>(what);
  for (const AttentionCall::Operand &operand : attention.operands)
    if (operand.isWritten)
      places.push_back(operand.place);
  places.push_back(attention.workspace);
  return places;
}

/// The types of a, b and c, where they are not all f32.
template <typename MatmulCall> static ArrayAttr typesOf(const MatmulCall &product) {
  if (product.a.element.isF32())
    return {};
  return Builder(product.a.element.getContext())
      .getTypeArrayAttr({product.a.element, product.b.element, product.c.element});
}

/// The layer that a call belongs to, for those who read a trace: the exporter's
/// scope, else the node's name. Equal layers share a routine, so that their
/// numbers are left out: "transformer.h.*.mlp". Empty if there is no name.
static std::string layerOf(Location loc) {
  auto outer = loc->findInstanceOf<NameLoc>();
  if (!outer)
    return {};
  SmallVector<StringRef> parts;
  outer.getName().getValue().split(parts, '.');
  for (StringRef &part : parts)
    if (!part.empty() && llvm::all_of(part, llvm::isDigit))
      part = "*";
  return llvm::join(parts, ".");
}

static void nameLayer(Operation *op) {
  if (std::string layer = layerOf(op->getLoc()); !layer.empty())
    op->setAttr("layer", StringAttr::get(op->getContext(), layer));
}

Operation *RoutineBuilder::writeAttention(OpBuilder &builder, Location loc,
                                          const AttentionCall &call,
                                          function_ref<pipe::RefAttr(const Place &)> ref) {
  bool isGradient = isa<pipe::AttentionGradOp>(call.op);
  OperationState state(loc, isGradient ? pipe::AttentionGradCallOp::getOperationName()
                                       : pipe::AttentionCallOp::getOperationName());
  for (const AttentionCall::Operand &operand : call.operands) {
    state.addAttribute(operand.name, ref(operand.place));
    if (operand.name != "key")
      state.addAttribute((operand.name + "_strides").str(),
                         builder.getDenseI64ArrayAttr(operand.strides));
  }
  state.addAttribute("workspace", ref(call.workspace));
  int64_t bytes = call.workspace.sizes[0] * elementBytes(call.workspace.element);
  state.addAttribute("workspace_bytes", builder.getI64IntegerAttr(bytes));
  state.addAttribute("sizes", builder.getDenseI64ArrayAttr(call.sizes));
  for (StringRef name : {"scale", "left", "right", "softcap", "dropout"})
    if (Attribute value = call.op->getAttr(name))
      state.addAttribute(name, value);
  if (!call.element.isF32())
    state.addAttribute("element", TypeAttr::get(call.element));
  return builder.create(state);
}

pipe::RoutineOp RoutineBuilder::write(OpBuilder &builder, StringRef name) {
  BlockTable table(memory);
  for (auto [at, call] : llvm::enumerate(calls)) {
    for (const Place &place : call.places())
      table.use(place, at);
    for (const Place &place : call.written())
      table.write(place);
  }
  table.finish();

  SmallVector<std::string> names = table.roles();
  auto roles = llvm::to_vector_of<StringRef>(names);
  auto routine = pipe::RoutineOp::create(
      builder, function.getLoc(), builder.getStringAttr(name),
      builder.getDenseI64ArrayAttr(table.sizes()),
      builder.getStrArrayAttr(roles),
      builder.getDenseBoolArrayAttr(table.writes()));
  auto inside = OpBuilder::atBlockEnd(&routine.getBody().emplaceBlock());
  auto ref = [&](const Place &place) {
    return table.ref(builder.getContext(), place);
  };
  auto optionalRef = [&](const std::optional<Place> &place) {
    return place ? ref(*place) : pipe::RefAttr();
  };
  for (const Call &call : calls) {
    if (auto *kernel = std::get_if<KernelCall>(&call.what)) {
      SmallVector<Attribute> refs;
      for (const Place &place : kernel->arguments)
        refs.push_back(ref(place));
      nameLayer(pipe::KernelOp::create(inside, call.loc, kernel->name,
                                       builder.getArrayAttr(refs)));
      continue;
    }
    if (auto *attention = std::get_if<AttentionCall>(&call.what)) {
      nameLayer(writeAttention(inside, call.loc, *attention, ref));
      continue;
    }
    auto &product = std::get<MatmulCall>(call.what);
    nameLayer(pipe::MatmulOp::create(
        inside, call.loc, ref(product.a), ref(product.b), ref(product.c),
        optionalRef(product.bias), optionalRef(product.residual),
        optionalRef(product.biasGradient),
        product.biasGradient && product.gradientOfA ? builder.getUnitAttr() : UnitAttr(),
        builder.getDenseI64ArrayAttr(product.form.sizes),
        builder.getDenseI64ArrayAttr(product.form.a),
        builder.getDenseI64ArrayAttr(product.form.b),
        builder.getDenseI64ArrayAttr(product.form.c),
        builder.getF64FloatAttr(product.alpha),
        product.accumulate ? builder.getUnitAttr() : UnitAttr(), typesOf(product)));
  }
  return routine;
}
