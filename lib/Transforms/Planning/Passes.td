#ifndef BITPIPE_TRANSFORMS_PLANNING_PASSES_TD
#define BITPIPE_TRANSFORMS_PLANNING_PASSES_TD

include "mlir/Pass/PassBase.td"

def MakePlanPass : Pass<"pipe-make-plan", "::mlir::ModuleOp"> {
  let summary = "Adds a plan: what each device does, in order";
  let description = [{
    Expects a module with `pipe.stage`s, or one without any, and no plan.
    Leaves it with one `pipe.plan`, named @plan. If there are stages there must
    be as many as the schedule's placement has; parameters that several stages
    use become ties.

    The schedule is built by name, or read from a file in PyTorch's text form.
    Messages, gradient sums and updates are derived from the routes. With
    `shard=optimizer` devices that hold the same parameters update a slice of them
    each, and `unshard` follows. With `shard=gradients` replicas keep slices of their
    gradients, too (`run S`), with `shard=parameters` also of the parameters (`run A`, `run D`).
    The module is otherwise left alone.

    `bitpipe-opt --pipe-make-plan="pipeline=gpipe devices=2 microbatches=1"` of
    an empty module is:

    ```mlir
    pipe.plan @plan schedule "gpipe" devices 2 microbatches 1 {
      pipe.route devices [0, 1] microbatches [0]
      pipe.device 0 {
        pipe.run F stage 0 mb 0
        pipe.send F stage 0 mb 0 to 1
        pipe.recv B stage 1 mb 0 from 1
        pipe.run B stage 0 mb 0
        pipe.update stages [0]
      }
      pipe.device 1 {
        pipe.recv F stage 0 mb 0 from 0
        pipe.run F stage 1 mb 0
        pipe.run B stage 1 mb 0
        pipe.send B stage 1 mb 0 to 0
        pipe.update stages [1]
      }
    }
    ```
  }];
  let options = [
    Option<"pipeline", "pipeline", "std::string", "\"bitpipe\"",
           "Name of the schedule">,
    Option<"devices", "devices", "int64_t", "0",
           "Number of devices; 0 for those of the file below, else 4">,
    Option<"microbatches", "microbatches", "int64_t", "0",
           "Micro-batches per iteration; 0 for those of the file, else twice the "
           "devices">,
    Option<"replicas", "data-parallel", "int64_t", "1",
           "Pipelines that share devices and micro-batches: each has its part of both, "
           "and the order of one is that of all">,
    Option<"chunks", "chunks", "int64_t", "0",
           "Stages per device and direction; 0 for the schedule's own number">,
    Option<"down", "down", "int64_t", "-1",
           "Micro-batches that go down where there are two directions; -1 for "
           "half of them">,
    Option<"updateEvery", "update-every", "int64_t", "0",
           "Micro-batches between updates in schedules that update within an iteration; "
           "0 for the schedule's own number">,
    ListOption<"stageReplicas", "stage-replicas", "int",
               "For schedules of PipeDream: of each stage how many devices take turns with its "
               "micro-batches">,
    Option<"scheduleFile", "schedule", "std::string", "\"\"",
           "Reads the order from this file instead">,
    Option<"routes", "routes", "std::string", "\"\"",
           "Reads the routes from this file and finds an order for them">,
    Option<"cost", "cost", "std::string", "\"\"",
           "Times that orders are found for, F=1,B=2,I=1,W=1,R=1,pair=0.8,comm=0,sum=0,host=0; "
           "default: the file's below, else from the stages">,
    Option<"costFile", "cost-file", "std::string", "\"\"",
           "Reads times, sizes, memory and links from this file">,
    Option<"activations", "activations", "double", "0",
           "Most live activations per device; 0 for the schedule's own limit. An "
           "order that takes more is refused">,
    Option<"effort", "effort", "double", "1",
           "How much is searched for a better order">,
    Option<"recompute", "recompute", "std::string", "\"\"",
           "The stages that recompute what their gradients read: none, all or a list "
           "such as 0,2-3; default: those of the file with the order, else none">,
    Option<"balance", "balance", "bool", "false",
           "Devices that hold most activations evict some to those that hold least">,
    Option<"offload", "offload", "double", "0",
           "Devices evict what they would hold above so many activations to their hosts; "
           "0: they do not">,
    Option<"shard", "shard", "std::string", "\"none\"",
           "What devices that hold the same parameters keep slices of: none, optimizer, gradients or parameters">,
    Option<"devicesPerNode", "devices-per-node", "int64_t", "0",
           "Devices of a node, within which sums go first; 0 for those of the cost file's nodes, "
           "if it has any, 1 for sums all at once">,
  ];
  let dependentDialects = ["::bitpipe::pipe::PipeDialect"];
}

def SplitForwardPass : Pass<"pipe-split-forward", "::mlir::ModuleOp"> {
  let summary = "Stages that recompute get a function of their own for it";
  let description = [{
    Expects at most one plan. A stage of which the plan runs recomputations (`run R`)
    gets two functions in the place of its forward function, of the same arguments: its
    forward then returns what is carried out alone, and `recompute` what was saved. Both
    hold the operations that their results need, and no others; a mask of dropout is
    drawn from the same key in both. Other stages keep the function that they may have
    shared with it, and a module without stages is left alone.

    ```mlir
    func.func @s(%x: tensor<4x6xf32>, %w) -> (tensor<4x5xf32>, tensor<4x6xf32>)
    pipe.stage 0 forward @s input_gradient @s_input_gradient ...
    pipe.plan @plan ... { ... pipe.run R stage 0 mb 0 ... }
    // becomes
    func.func @s_forward(%x: tensor<4x6xf32>, %w) -> tensor<4x5xf32>
    func.func @s_recompute(%x: tensor<4x6xf32>, %w) -> tensor<4x6xf32>
    pipe.stage 0 forward @s_forward recompute @s_recompute input_gradient @s_input_gradient ...
    ```
  }];
  let dependentDialects = ["::mlir::func::FuncDialect"];
}

def CheckPlanPass : Pass<"pipe-check-plan", "::mlir::ModuleOp"> {
  let summary = "Replays every plan and refuses one that is wrong or blocks";
  let description = [{
    Expects any module. Leaves it alone and fails if a `pipe.plan` in it does
    not compute everything exactly once and in time, loses or confuses a
    message, misses a gradient sum, or blocks.

    Communication is replayed under NCCL's rules: between two devices order is
    the tag, a send is complete when its receive is posted, and all members
    start their sums in one order. If the replay ends early the error tells
    which actions wait for which, until the cycle closes. Linear in the size of
    the plan.

    Here each device receives before it sends, so neither comes to its send:

    ```mlir
    pipe.device 0 {
      pipe.run F stage 0 mb 0
      pipe.recv B stage 1 mb 0 from 1
      pipe.run B stage 0 mb 0
      pipe.send F stage 0 mb 0 to 1
      pipe.update stages [0]
    }
    ```

    error: device 0, position 2 (run B stage 0 mb 0) waits for recv B stage 1
    mb 0 from 1, behind device 1, position 3 (send B stage 1 mb 0 to 0); ...
  }];
}

#endif
