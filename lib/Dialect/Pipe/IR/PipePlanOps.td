#ifndef BITPIPE_DIALECT_PIPE_IR_PIPEPLANOPS_TD
#define BITPIPE_DIALECT_PIPE_IR_PIPEPLANOPS_TD

// Level 2: per device an ordered list of instructions without operands.

include "PipeDialect.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/SymbolInterfaces.td"

def Pipe_PlanOp : Pipe_Op<"plan", [Symbol, NoTerminator, SingleBlock,
                                   NoRegionArguments]> {
  let summary = "A schedule for all devices";
  let description = [{
    Holds routes, ties and one `pipe.device` per device. A tensor is named by
    the run that makes it: kind, stage and micro-batch.

    With `devices_per_node` devices 0 to before that number are on one node, as many more on
    the next. What is summed over devices is then summed over those of each node, in their
    order, and these sums over the nodes, in theirs; what is gathered goes once to each node.

    Example:

    ```mlir
    pipe.plan @p schedule "gpipe" devices 1 microbatches 1 {
      pipe.route devices [0] microbatches [0]
      pipe.device 0 {
        pipe.run F stage 0 mb 0
        pipe.run B stage 0 mb 0
        pipe.update stages [0]
      }
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrAttr:$schedule,
                       I64Attr:$devices, I64Attr:$microbatches,
                       OptionalAttr<ConfinedAttr<I64Attr, [IntPositive]>>:$devices_per_node);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $sym_name `schedule` $schedule `devices` $devices
    `microbatches` $microbatches (`devices_per_node` $devices_per_node^)? $body attr-dict
  }];
}

def Pipe_RouteOp : Pipe_Op<"route", [HasParent<"PlanOp">]> {
  let summary = "The device of every stage, for a set of micro-batches";
  let arguments = (ins DenseI64ArrayAttr:$devices, DenseI64ArrayAttr:$microbatches);
  let assemblyFormat = "`devices` $devices `microbatches` $microbatches attr-dict";
}

def Pipe_TieOp : Pipe_Op<"tie", [HasParent<"PlanOp">]> {
  let summary = "Stages that share parameters, so their gradients are summed";
  let arguments = (ins DenseI64ArrayAttr:$stages);
  let assemblyFormat = "`stages` $stages attr-dict";
}

def Pipe_DeviceOp : Pipe_Op<"device", [HasParent<"PlanOp">, NoTerminator,
                                       SingleBlock, NoRegionArguments]> {
  let summary = "The instructions of one device, in order";
  let arguments = (ins I64Attr:$index);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$index $body attr-dict";
}

def Pipe_RunOp : Pipe_Op<"run", [HasParent<"DeviceOp">]> {
  let summary = "Computes forward (F), backward (B), input gradient (I), weight gradient (W), what a forward did not save (R), or updates weights (U); gathers (A), drops (D) or scatters (S) what replicas share out";
  let description = [{
    An update comes behind the last micro-batch of those whose gradients it takes, which
    follow those of the update before it. `versions` says how many versions of the weights
    its stage has: all that the stage runs for the t-th of these groups, counted from 0,
    reads the weights after t + 1 - versions updates, or the first ones. A plan with such
    updates has none at its end.

    `A` starts to gather the weights of a stage, of which each replica keeps a slice; the
    runs of the stage that follow wait for it, up to `D`, behind which they are there no
    more. `S` starts to sum the gradients of a stage over the replicas, each of which keeps the
    sum of its slice. Their micro-batch is the first of the device's route. Where a plan has
    `A`, all weights are gathered but those that several stages use; where it has `S`, all
    gradients but those are scattered.
  }];
  let arguments = (ins Pipe_RunKind:$kind, I64Attr:$stage, I64Attr:$microbatch,
                       OptionalAttr<I64Attr>:$versions);
  let assemblyFormat = "$kind `stage` $stage `mb` $microbatch (`versions` $versions^)? attr-dict";
  let hasVerifier = 1;
}

def Pipe_SendOp : Pipe_Op<"send", [HasParent<"DeviceOp">]> {
  let summary = "Starts to send what a run made: F its activations, B its input gradient";
  let description = [{
    Or what the forward of the stage has saved: E evicts it, G gives it back from the
    device that has kept it, or from the host of the device itself, which is then the peer. It is sent by the end of the run that follows, and its memory
    is free from there on.
  }];
  let arguments = (ins Pipe_RunKind:$kind, I64Attr:$stage, I64Attr:$microbatch, I64Attr:$to);
  let assemblyFormat = "$kind `stage` $stage `mb` $microbatch `to` $to attr-dict";
}

def Pipe_RecvOp : Pipe_Op<"recv", [HasParent<"DeviceOp">]> {
  let summary = "Starts to receive what a run on another device made";
  let description = [{
    `stage` is the stage of the run that made the tensor, as in the matching
    send. The first run that needs the tensor waits for it. `recv E` makes room for
    what another device evicts, `recv G` for what comes back.
  }];
  let arguments = (ins Pipe_RunKind:$kind, I64Attr:$stage, I64Attr:$microbatch, I64Attr:$from);
  let assemblyFormat = "$kind `stage` $stage `mb` $microbatch `from` $from attr-dict";
}

def Pipe_ReduceOp : Pipe_Op<"reduce", [HasParent<"DeviceOp">]> {
  let summary = "Starts the gradient sum of a group over the devices that hold it";
  let description = [{
    `stages` names the group: the parameters used by exactly these stages.
    One stage for its own parameters, several for tied ones. Where an `unshard`
    follows, every device is left with the sum of its slice of the gradients.
  }];
  let arguments = (ins DenseI64ArrayAttr:$stages);
  let assemblyFormat = "`stages` $stages attr-dict";
}

def Pipe_UpdateOp : Pipe_Op<"update", [HasParent<"DeviceOp">]> {
  let summary = "Waits for a group's gradient sum and steps the optimizer";
  let description = [{
    On all parameters of the group, or on the device's slice of them where an
    `unshard` follows.
  }];
  let arguments = (ins DenseI64ArrayAttr:$stages);
  let assemblyFormat = "`stages` $stages attr-dict";
}

def Pipe_UnshardOp : Pipe_Op<"unshard", [HasParent<"DeviceOp">]> {
  let summary = "Starts to give all devices of a group the slices that each has updated";
  let description = [{
    The first run of the next step that reads the group's parameters waits for it.
    A group has one on all devices that hold it, or on none.
  }];
  let arguments = (ins DenseI64ArrayAttr:$stages);
  let assemblyFormat = "`stages` $stages attr-dict";
}

#endif
