#ifndef BITPIPE_DIALECT_PIPE_IR_PIPEDIALECT_TD
#define BITPIPE_DIALECT_PIPE_IR_PIPEDIALECT_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"

def Pipe_Dialect : Dialect {
  let name = "pipe";
  let cppNamespace = "::bitpipe::pipe";
  let summary = "Pipeline-parallel training: model, stages, plan, program.";
  let description = [{
    The dialect holds what upstream MLIR has no words for, on four levels:

    0. *Model*: parameters that point into files, imported ONNX nodes, and the
       few tensor operations upstream cannot say with a good gradient.
    1. *Stages*: the model cut into stages, each with its forward, input
       gradient and weight gradient function.
    2. *Plan*: per device an ordered list of instructions without operands.
    3. *Program*: per device a flat list of runtime calls on one arena.

    Levels 2 and 3 refer to no other dialect, so that a runtime can read them
    with this dialect and the builtin one alone.
  }];
  let useDefaultTypePrinterParser = 1;
  let useDefaultAttributePrinterParser = 1;
}

class Pipe_Op<string mnemonic, list<Trait> traits = []>
    : Op<Pipe_Dialect, mnemonic, traits>;

def Pipe_UnknownType : TypeDef<Pipe_Dialect, "Unknown"> {
  let mnemonic = "unknown";
  let summary = "An ONNX value whose shape is not inferred yet, or a sequence";
}

def Pipe_RunKind : I32EnumAttr<"RunKind", "what a run computes, or a message moves", [
    I32EnumAttrCase<"F", 0>, I32EnumAttrCase<"B", 1>,
    I32EnumAttrCase<"I", 2>, I32EnumAttrCase<"W", 3>,
    I32EnumAttrCase<"R", 4>, I32EnumAttrCase<"U", 5>,
    I32EnumAttrCase<"A", 6>, I32EnumAttrCase<"D", 7>, I32EnumAttrCase<"S", 8>,
    I32EnumAttrCase<"E", 9>, I32EnumAttrCase<"G", 10>]> {
  let cppNamespace = "::bitpipe::pipe";
}

def Pipe_RefAttr : AttrDef<Pipe_Dialect, "Ref"> {
  let mnemonic = "ref";
  let summary = "A place in a routine's block: block number and byte offset";
  let parameters = (ins "int64_t":$block, "int64_t":$offset);
  let assemblyFormat = "`<` $block `,` $offset `>`";
}
def Pipe_RefArrayAttr : TypedArrayAttrBase<Pipe_RefAttr, "array of places">;

#endif
