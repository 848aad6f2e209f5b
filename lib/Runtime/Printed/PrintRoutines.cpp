//===- PrintRoutines.cpp - The routines of a printed program -------------------===//

#include "lib/Runtime/Printed/Calls.h"
#include "lib/Runtime/Printed/Printers.h"

#include <algorithm>

using namespace bitpipe;
using namespace bitpipe::printed;

namespace {

class RoutinesPrinter {
public:
  RoutinesPrinter(std::ostream &out, const Program &program, const PlanNames &names)
      : out(out), program(program), planNames(names), used(usedRoutines(program)) {}

  FileNames print() {
    findNames();
    out << "/// What a run of a stage puts into the stream, one call after the other.\n"
           "struct Routines {\n"
           "  explicit Routines(Runtime &gpu) : gpu(gpu) {}\n\n"
           "  Runtime &gpu;\n"
           "  const CUstream compute = gpu.compute();\n"
           "  const CUdeviceptr kernel_scratch = gpu.scratch();\n";
    for (auto &[entry, name] : names.kernels)
      out << "  const CUfunction " << name << " = gpu.kernel(" << quoted(entry) << ", "
          << sharedBytes.at(entry) << ");\n";
    printMatmul();
    // Calls are numbered over all routines.
    eachCall(program, [&](size_t routine, const auto &call, size_t number) {
      if (!used[routine])
        return;
      beginRoutine(routine);
      tell(planNames.layers ? call.layer : "", detail(call));
      print(call, number);
    });
    beginRoutine(program.routines.size()); // those without calls
    out << "};\n\n";
    return std::move(names);
  }

private:
  void findNames() {
    for (size_t d = 0; d < program.devices.size(); ++d)
      names.scope.add("Device" + std::to_string(d));
    eachCall(program, [&](size_t routine, const auto &call, size_t) {
      if constexpr (std::is_same_v<decltype(call), const KernelCall &>)
        if (used[routine])
          for (const GPUKernel::Launch &launch : program.gpuKernels.at(call.name).launches) {
            sharedBytes[launch.entry] = std::max(sharedBytes[launch.entry], launch.shared);
            if (!names.kernels.contains(launch.entry))
              names.kernels[launch.entry] = names.scope.add(launch.entry);
          }
    });
    for (size_t r = 0; r < used.size(); ++r)
      names.routines.push_back(used[r] ? names.scope.add(program.routines[r].name) : "");
  }

  void printMatmul() {
    out << "\n"
           "  /// A product of matrices: one call, or one for each matrix of a batch.\n"
           "  void matmul(std::span<const bitpipe::ProductCall> calls) const {\n"
           "    for (const bitpipe::ProductCall &m : calls)\n"
           "      check(cublasLtMatmul(m.handle, m.desc, m.alpha, m.a, m.aLayout, m.b, m.bLayout, "
           "m.beta,\n"
           "                           m.c, m.cLayout, m.d, m.dLayout, m.algorithm, m.workspace,\n"
           "                           m.workspaceBytes, compute));\n"
           "  }\n";
  }

  /// Ends the routine that is open, and begins all up to this one.
  void beginRoutine(size_t routine) {
    for (; next <= routine; ++next) {
      if (isOpen)
        out << "  }\n";
      isOpen = next < used.size() && used[next];
      if (isOpen)
        printHead(next);
    }
  }

  void printHead(size_t routine) {
    Names scope = names.scope;
    blocks.clear();
    layer.clear();
    std::vector<std::string> parameters;
    std::set<int64_t> touched = blocksOf(program.routines[routine]);
    for (const std::string &name : blockNames(routine)) {
      // A processor's attention has a workspace, a GPU's has none.
      bool isUsed = touched.contains(int64_t(blocks.size()));
      blocks.push_back(scope.add(name));
      parameters.push_back(isUsed ? "CUdeviceptr " + blocks.back()
                                  : "CUdeviceptr /*" + blocks.back() + "*/");
    }
    out << "\n"
        << callText(2, "void " + names.routines[routine], parameters, ") const {");
  }

  /// Those that calls are given.
  static std::set<int64_t> blocksOf(const Routine &routine) {
    std::set<int64_t> blocks;
    auto add = [&](const std::optional<BlockPlace> &place) {
      if (place)
        blocks.insert(place->block);
    };
    for (const Call &call : routine.calls) {
      if (auto *kernel = std::get_if<KernelCall>(&call))
        for (const BlockPlace &place : kernel->arguments)
          add(place);
      else if (auto *matmul = std::get_if<MatmulCall>(&call))
        for (const auto &place : {std::optional(matmul->a), std::optional(matmul->b),
                                  std::optional(matmul->c), matmul->bias, matmul->residual,
                                  matmul->biasGradient})
          add(place);
      else
        for (const auto &operand : std::get<AttentionCall>(call).operands)
          if (operand)
            add(operand->place);
    }
    return blocks;
  }

  std::vector<std::string> blockNames(size_t routine) const {
    if (!planNames.blocks.empty() && !planNames.blocks[routine].empty())
      return planNames.blocks[routine];
    for (const DeviceList &device : program.devices)
      for (const Instruction &op : device.instructions)
        if (auto *run = std::get_if<Execute>(&op); run && run->routine == int64_t(routine)) {
          std::vector<std::string> kinds;
          for (int64_t slot : run->slots)
            kinds.push_back(kindOf(program, device.slots[slot]));
          return kinds;
        }
    return {};
  }

  /// A line for a layer, and for each call of which there is more to say.
  void tell(const std::string &now, const std::string &detail) {
    if (!detail.empty())
      out << "    // " << commentText(now) << (now.empty() ? "" : ": ") << detail << "\n";
    else if (now != layer && !now.empty())
      out << "    // " << commentText(now) << "\n";
    layer = now;
  }

  static std::string detail(const KernelCall &) { return ""; }
  static std::string detail(const AttentionCall &) { return ""; }
  /// "2x256x512x2048, added to c".
  static std::string detail(const MatmulCall &call) {
    std::string text;
    for (int64_t size : call.sizes)
      text += (text.empty() ? "" : "x") + std::to_string(size);
    return text + (call.operands == StoredFloat::BF16 ? ", bf16" : "") +
           (call.accumulate ? ", added to c" : "") +
           (!call.biasGradient ? "" : call.gradientOfA ? ", sums of a" : ", sums of b");
  }

  std::string place(const BlockPlace &at) const {
    return blocks[at.block] + (at.offset ? " + " + std::to_string(at.offset) : "");
  }

  void print(const KernelCall &call, size_t) {
    const GPUKernel &kernel = program.gpuKernels.at(call.name);
    for (const GPUKernel::Launch &launch : kernel.launches) {
      std::vector<std::string> arguments = {
          names.kernels.at(launch.entry), std::to_string(launch.grid),
          std::to_string(launch.block), std::to_string(launch.shared), "compute"};
      for (const BlockPlace &at : call.arguments)
        arguments.push_back(place(at));
      if (kernel.scratch > 0)
        arguments.push_back("kernel_scratch");
      out << callText(4, "launch", arguments);
    }
  }

  void print(const MatmulCall &call, size_t number) {
    std::vector<std::string> arguments = {
        std::to_string(number), "compute", "{.a = " + place(call.a), ".b = " + place(call.b),
        ".c = " + place(call.c)};
    if (call.bias)
      arguments.push_back(".bias = " + place(*call.bias));
    if (call.residual)
      arguments.push_back(".residual = " + place(*call.residual));
    if (call.biasGradient)
      arguments.push_back(".bias_gradient = " + place(*call.biasGradient));
    arguments.back() += "})";
    out << callText(4, "matmul(gpu.product", arguments);
    if (call.biasGradient)
      out << callText(4, "gpu.addBiasGradient", {std::to_string(number), "compute"});
  }

  void print(const AttentionCall &call, size_t number) {
    std::vector<std::string> arguments = {std::to_string(number), "compute"};
    std::string brace = "{";
    for (size_t part = 0; part < call.operands.size(); ++part)
      if (const auto &operand = call.operands[part]) {
        arguments.push_back(brace + "." + AttentionCall::names[part] + " = " +
                            place(operand->place));
        brace.clear();
      }
    arguments.back() += "}";
    out << callText(4, "gpu.attention", arguments);
  }

  std::ostream &out;
  const Program &program;
  const PlanNames &planNames;
  const std::vector<bool> used;
  FileNames names;
  std::map<std::string, int64_t> sharedBytes; // by entry
  // Of the routine that is printed.
  size_t next = 0;
  bool isOpen = false;
  std::vector<std::string> blocks;
  std::string layer;
};

} // namespace

FileNames printed::printRoutines(std::ostream &out, const Program &program,
                                 const PlanNames &names) {
  return RoutinesPrinter(out, program, names).print();
}
