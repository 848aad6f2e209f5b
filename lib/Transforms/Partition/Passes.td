#ifndef BITPIPE_TRANSFORMS_PARTITION_PASSES_TD
#define BITPIPE_TRANSFORMS_PARTITION_PASSES_TD

include "mlir/Pass/PassBase.td"

def PipePartition : Pass<"pipe-partition", "mlir::ModuleOp"> {
  let summary = "Cuts the forward function into stages";
  let description = [{
    Expects level 0 with a loss: `pipe.model` names a function of one block
    whose only result is the scalar loss. Leaves level 1 before
    differentiation: one forward function per kind of stage and one
    `pipe.stage` per stage, with the carried values and flags that `pipe.stage`
    documents. The forward function is gone.

    The operations that the loss depends on become a line of nodes, each with
    its cost; views, destinations, constants and cheap values that no parameter
    trains (masks, positions) are not nodes but are computed again where they
    are used. So is what is cheap and larger than the one node that it is made of,
    such as a learned bias with a mask. Among all divisions of the line whose slowest stage is within
    `tolerance` of the fastest possible, the pass takes one whose cuts carry the
    fewest bytes, and among these the most even one. Up to `message-tolerance` it
    may grow where that is worth it: halving the message of one cut counts as 3% of
    the slowest stage, so that a cut is not put where its message is five times its
    neighbour's for less than 7%. The costs stay in the stages, and schedules are
    made for them. Values
    used beyond the next stage are carried through every stage between, and
    stages that compute the same share one function.

    ```mlir
    func.func @forward(%x: tensor<8xf32>) -> tensor<f32> {
      %w0 = pipe.get_parameter @w0 : tensor<8xf32>
      %0 = linalg.generic ... ins(%x, %w0 ...)
      %w1 = pipe.get_parameter @w1 : tensor<8xf32>
      %1 = linalg.generic ... ins(%0, %w1 ...)
      return %1 : tensor<f32>
    }
    // becomes, with stages=2
    func.func @stage_0(%x: tensor<8xf32>, %w0: tensor<8xf32>) -> tensor<8xf32>
    func.func @stage_1(%0: tensor<8xf32>, %w1: tensor<8xf32>) -> tensor<f32>
    pipe.stage 0 forward @stage_0 inputs ["x"] parameters [@w0] carried_in [] carried_out [true] ...
    pipe.stage 1 forward @stage_1 inputs [] parameters [@w1] carried_in [true] carried_out [true] ...
    ```
  }];
  let options = [
    Option<"stages", "stages", "int64_t", /*default=*/"1", "Number of stages">,
    Option<"tolerance", "tolerance", "double", /*default=*/"0.03",
           "By what part of itself the slowest stage may grow to carry less">,
    Option<"messageTolerance", "message-tolerance", "double", /*default=*/"0.10",
           "By what part it may grow to avoid messages that are several times as "
           "large; tolerance or less: not at all">,
    ListOption<"replicas", "replicas", "int64_t",
               "Of each stage how many devices take turns with its micro-batches: it gets so "
               "many parts of the work. Default: one each">,
    ListOption<"begins", "begins", "int64_t",
               "The first node of every stage. Default: as balanced as above">,
  ];
}

def PipePrintStages : Pass<"pipe-print-stages", "mlir::ModuleOp"> {
  let summary = "Prints a table of the stages";
  let description = [{
    Expects level 1 and changes nothing. Each line holds a stage's function,
    its share of the cost of all stages and its cost for one micro-batch, in 10^9
    operations of a contraction that take as long, the number of its trainable parameters, what it hands to the
    next stage per micro-batch, and the model's name of its first node.

    ```
    stage  function      cost      Gop  parameters  carried KiB  begins at
        0  stage_0     51.2 %    0.001        8192          8.0  h.0
        1  stage_1     48.8 %    0.001        8192          0.0  h.1
    ```
  }];
}

#endif
