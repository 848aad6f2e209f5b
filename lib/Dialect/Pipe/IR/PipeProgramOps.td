#ifndef BITPIPE_DIALECT_PIPE_IR_PIPEPROGRAMOPS_TD
#define BITPIPE_DIALECT_PIPE_IR_PIPEPROGRAMOPS_TD

// Level 3: per device a flat list of runtime calls on offsets into one arena.

include "PipeDialect.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/SymbolInterfaces.td"

def Pipe_TrainingOp : Pipe_Op<"training"> {
  let summary = "What the runtime must know of the model besides the programs";
  let description = [{
    `inputs`, `types` (static shapes of one micro-batch), `bounds` and `lowest`
    (see pipe.model) of every model input; `loss` and `ignore_index` as in
    pipe.model, with `labels` the name of the labels among the inputs, if any.
    `arch` is the GPU that the kernels are for ("sm_90"), if they are for one.
    `version` is the version of the contract between compiler and runtime,
    `precision` what products compute in: f32, or bf16 with parameters, their
    gradients and the optimizer's moments in f32. With `update_every` a step of the
    programs holds many of the optimizer, one after so many micro-batches each. With
    `devices_per_node` sums and gathers go within nodes first: see `pipe.plan`.
    `weights` and `kernels` name files beside the plan, with their hashes.
  }];
  let arguments = (ins I64Attr:$version, StrAttr:$target, StrArrayAttr:$inputs,
                       TypeArrayAttr:$types, DenseI64ArrayAttr:$bounds,
                       OptionalAttr<DenseI64ArrayAttr>:$lowest,
                       StrAttr:$loss, OptionalAttr<StrAttr>:$labels,
                       I64Attr:$ignore_index, StrAttr:$optimizer,
                       I64Attr:$devices, I64Attr:$microbatches,
                       StrAttr:$weights, StrAttr:$weights_hash,
                       StrAttr:$kernels, StrAttr:$kernels_hash,
                       DefaultValuedAttr<StrAttr, "\"f32\"">:$precision,
                       OptionalAttr<StrAttr>:$arch,
                       OptionalAttr<I64Attr>:$update_every,
                       OptionalAttr<ConfinedAttr<I64Attr, [IntPositive]>>:$devices_per_node);
  let assemblyFormat = "attr-dict";
}

def Pipe_SavedOp : Pipe_Op<"saved"> {
  let summary = "A parameter of the model, as it is loaded and saved";
  let description = [{
    One per parameter, trained or not; constants have none. `type` is that of
    the weights file and of the memory, `stored` the element type that it is
    saved in, if another. It is saved under its name and all `aliases`, and
    loaded from any of them.

    ```mlir
    pipe.saved "head.weight" : tensor<50x16xf32> stored f16 aliases ["wte.weight"]
    ```
  }];
  let arguments = (ins StrAttr:$name, TypeAttr:$type,
                       OptionalAttr<TypeAttr>:$stored,
                       OptionalAttr<StrArrayAttr>:$aliases);
  let assemblyFormat = [{
    $name `:` $type (`stored` $stored^)? (`aliases` $aliases^)? attr-dict
  }];
}

def Pipe_RoutineOp : Pipe_Op<"routine", [Symbol, NoTerminator, SingleBlock,
                                         NoRegionArguments]> {
  let summary = "A list of calls on numbered blocks of memory";
  let description = [{
    `blocks` holds the size in bytes of every block; an `execute` binds each
    block to a slot of the device. Calls name places as #pipe.ref<block, byte
    offset>.

    `roles` says what each block is to the stage, for the pass that makes the
    programs: `carried_in`, `carried_out`, `saved` (from the forward to the
    input gradient), `saved_kept` (to the weight gradient), `kept`,
    `d_carried_out`, `d_carried_in`, `seed`, `loss`, `input i` (of the stage's
    inputs), `key i` (of the stage's dropouts), `weights i`, `working i` and
    `gradients i` (of the stage's parameter groups), `scratch`.

    `writes` says per block whether a call writes to it; without it every block
    counts as written. A block that is only read may be sent meanwhile.

    A call's `layer` says for traces where in the model it comes from, with the
    numbers of equal layers left out: "transformer.h.*.mlp".
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, DenseI64ArrayAttr:$blocks,
                       OptionalAttr<StrArrayAttr>:$roles,
                       OptionalAttr<DenseBoolArrayAttr>:$writes);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name `blocks` $blocks (`roles` $roles^)? (`writes` $writes^)? $body attr-dict";
}

def Pipe_KernelOp : Pipe_Op<"kernel", [HasParent<"RoutineOp">]> {
  let summary = "Calls a generated kernel with the addresses of places";
  let description = [{
    `name` is a symbol of the kernel binary: `void name(void *const *args, int64_t begin, int64_t end)`.
  }];
  let arguments = (ins StrAttr:$name, Pipe_RefArrayAttr:$arguments);
  let assemblyFormat = "$name $arguments attr-dict";
}

def Pipe_GPUKernelOp : Pipe_Op<"gpu_kernel", [Symbol]> {
  let summary = "How a generated kernel is launched on a GPU";
  let description = [{
    `pipe.kernel` finds it by its name. A call of the kernel is a launch for each of
    `entries`, one after the other on one stream: `grids` holds how many blocks a
    launch has, `blocks` how many threads a block has (both have one dimension), and
    `shared` the bytes of dynamic shared memory. All take the same parameters,
    the address of every argument and, if `scratch` is not 0, that of so many bytes for
    what one launch leaves to the next.

    `extents` holds how many bytes each argument reaches from its address on, `bytes`
    the least that a call moves to and from memory.

    ```mlir
    pipe.gpu_kernel @column_sum extents [65536, 256] bytes 65792 entries ["partial", "total"]
      grids [8, 1] blocks [256, 64] shared [1024, 0] scratch 2048
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, DenseI64ArrayAttr:$extents,
                       I64Attr:$bytes, StrArrayAttr:$entries, DenseI64ArrayAttr:$grids,
                       DenseI64ArrayAttr:$blocks, DenseI64ArrayAttr:$shared,
                       DefaultValuedAttr<I64Attr, "0">:$scratch);
  let assemblyFormat = [{
    $sym_name `extents` $extents `bytes` $bytes `entries` $entries `grids` $grids
    `blocks` $blocks `shared` $shared (`scratch` $scratch^)? attr-dict
  }];
  let hasVerifier = 1;
}

def Pipe_MatmulOp : Pipe_Op<"matmul", [HasParent<"RoutineOp">]> {
  let summary = "c = [c +] alpha * a x b [+ bias] [+ residual], by the vendor's library";
  let description = [{
    `sizes` is [batch..., m, n, k]. The strides, in elements, are a:
    [batch..., m, k], b: [batch..., k, n], c: [batch..., m, n]; a batch stride
    of 0 uses the same matrix for the whole dimension. `bias` has n contiguous
    elements of f32; `residual` has the strides and the type of c. With
    `accumulate`, c is added to.

    `bias_gradient` has n contiguous elements of f32, to each of which the sum over
    k of its column of b is added, without alpha: where b is the gradient of a
    result, and the product that of its weight, this is the gradient of its bias.
    With `of_a` it has m elements, and the sums are those of the rows of a. There is
    no batch then and no bias, and the columns of b, or rows of a, lie one beside the
    other. Only GPUs compute it.

    `types` are the element types of a, b and c, f32 where they are not given:
    a and b are both f32 or both bf16, and only with the latter may c be bf16.
    Whatever they are, the sum over k is one of f32, rounded once.
  }];
  let arguments = (ins Pipe_RefAttr:$a, Pipe_RefAttr:$b, Pipe_RefAttr:$c,
                       OptionalAttr<Pipe_RefAttr>:$bias,
                       OptionalAttr<Pipe_RefAttr>:$residual,
                       OptionalAttr<Pipe_RefAttr>:$bias_gradient, UnitAttr:$of_a,
                       DenseI64ArrayAttr:$sizes, DenseI64ArrayAttr:$a_strides,
                       DenseI64ArrayAttr:$b_strides, DenseI64ArrayAttr:$c_strides,
                       DefaultValuedAttr<F64Attr, "1.0">:$alpha,
                       UnitAttr:$accumulate,
                       OptionalAttr<TypeArrayAttr>:$types);
  let assemblyFormat = [{
    $a $a_strides `by` $b $b_strides `into` $c $c_strides `sizes` $sizes
    (`bias` $bias^)? (`residual` $residual^)? (`alpha` $alpha^)?
    (`accumulate` $accumulate^)? (`bias_gradient` $bias_gradient^)? (`of_a` $of_a^)?
    (`types` $types^)? attr-dict
  }];
  let hasVerifier = 1;
}

def Pipe_ProgramOp : Pipe_Op<"program", [NoTerminator, SingleBlock,
                                         NoRegionArguments]> {
  let summary = "What one device does in one step";
  let description = [{
    In `arena` bytes of its memory, and as many of its host's as slots there take.
  }];
  let arguments = (ins I64Attr:$device, I64Attr:$arena);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "`device` $device `arena` $arena $body attr-dict";
}

def Pipe_SlotOp : Pipe_Op<"slot", [HasParent<"ProgramOp">]> {
  let summary = "A numbered piece of memory of the device";
  let description = [{
    `source` says where its address comes from:
    - `arena`: `offset` bytes into the arena. Slots that are never alive at
      once may share memory.
    - `host`: `offset` bytes into the host's memory, alike. Such slots are the host's
      ends of messages between the device and itself: E comes into them, and G from them.
    - `message`: as arena, but shared with no other slot, so that its memory
      may be exchanged with a peer's slot of the same size when sending.
    - `input`: model input `name` of micro-batch `microbatch`, from the data.
    - `seed`: one f32, the gradient of the loss sum; with a loss by `counts` a
      second one, 0, for the count. With `microbatch`, that of the micro-batches whose
      update comes after this one.
    - `key`: one i64, the key of dropout `dropout` for micro-batch `microbatch`;
      see `pipe.dropout_key`.
    - `loss`: as arena; holds the loss sum of micro-batch `microbatch`, and
      behind it its count where the loss is by `counts`.
    - `weights`, `gradients`, `moment1`, `moment2`: as arena, persistent over
      steps; zero before step 1 but for the weights.
    - `stashed`: as arena, but shared with no other; an older version of what a weights or
      working slot holds.
    - `working`: as arena, persistent over steps; copies in bf16 of what a weights
      slot holds, rounded when parameters are loaded and by every step.
  }];
  let arguments = (ins I64Attr:$index, StrAttr:$source, I64Attr:$size,
                       OptionalAttr<I64Attr>:$offset, OptionalAttr<StrAttr>:$name,
                       OptionalAttr<I64Attr>:$microbatch,
                       OptionalAttr<I64Attr>:$dropout);
  let assemblyFormat = [{
    $index $source `size` $size (`offset` $offset^)? (`name` $name^)?
    (`dropout` $dropout^)? (`mb` $microbatch^)? attr-dict
  }];
}

def Pipe_ResidentOp : Pipe_Op<"resident", [HasParent<"ProgramOp">]> {
  let summary = "Where a parameter lives in a weights slot";
  let description = [{
    `owner` marks the one device that saves the parameter. `working` is where
    its copy in bf16 lives, if there is one: a slot and an offset.

    With `of` the slot is a device's slice of what several share out: it holds their bytes
    from `of` on, and of the parameter at `offset` among these what falls into it. `working` is
    then where the copy of that part lives. All of these devices own what they hold.
  }];
  let arguments = (ins StrAttr:$name, TypeAttr:$type, I64Attr:$slot,
                       I64Attr:$offset, OptionalAttr<I64Attr>:$slice_begin,
                       UnitAttr:$trainable, UnitAttr:$owner,
                       OptionalAttr<I64Attr>:$working,
                       OptionalAttr<I64Attr>:$working_offset);
  let assemblyFormat = [{
    $name `:` $type `slot` $slot `offset` $offset (`of` $slice_begin^)? (`trainable` $trainable^)?
    (`owner` $owner^)? (`working` $working^ $working_offset)? attr-dict
  }];
}

def Pipe_ExecuteOp : Pipe_Op<"execute", [HasParent<"ProgramOp">]> {
  let summary = "Runs a routine on slots, one per block of the routine";
  let arguments = (ins Pipe_RunKind:$kind, I64Attr:$stage, I64Attr:$microbatch,
                       FlatSymbolRefAttr:$routine, DenseI64ArrayAttr:$slots);
  let assemblyFormat = [{
    $kind `stage` $stage `mb` $microbatch $routine $slots attr-dict
  }];
}

def Pipe_TransmitOp : Pipe_Op<"transmit", [HasParent<"ProgramOp">]> {
  let summary = "Starts to send a slot";
  let description = [{
    With `handover` the slot's contents are not needed here any more: memory
    may be exchanged instead of copied. The slot is free for the next writer
    when the send is complete; the runtime waits for that where it must.
  }];
  let arguments = (ins Pipe_RunKind:$kind, I64Attr:$stage, I64Attr:$microbatch,
                       I64Attr:$to, I64Attr:$slot, UnitAttr:$handover);
  let assemblyFormat = [{
    $kind `stage` $stage `mb` $microbatch `to` $to `slot` $slot
    (`handover` $handover^)? attr-dict
  }];
}

def Pipe_ReceiveOp : Pipe_Op<"receive", [HasParent<"ProgramOp">]> {
  let summary = "Starts to receive into a slot; whoever uses the slot next waits";
  let arguments = (ins Pipe_RunKind:$kind, I64Attr:$stage, I64Attr:$microbatch,
                       I64Attr:$from, I64Attr:$slot);
  let assemblyFormat = [{
    $kind `stage` $stage `mb` $microbatch `from` $from `slot` $slot attr-dict
  }];
}

def Pipe_AllReduceOp : Pipe_Op<"all_reduce", [HasParent<"ProgramOp">]> {
  let summary = "Starts the sum of a gradients slot over devices, in a fixed order";
  let arguments = (ins DenseI64ArrayAttr:$stages, DenseI64ArrayAttr:$devices, I64Attr:$slot);
  let assemblyFormat = "`stages` $stages `devices` $devices `slot` $slot attr-dict";
}

def Pipe_ReduceScatterOp : Pipe_Op<"reduce_scatter", [HasParent<"ProgramOp">]> {
  let summary = "Starts the sum of a gradients slot over devices, of which each gets a slice";
  let description = [{
    The slot holds a slice of so many f32 for each device, in their order; the
    device's own becomes the sum, in the same order and to the same bits as that of
    `all_reduce`. The others hold what this device has added to them, until the step
    clears them.

    With `into` the sum goes to that slot, which is as large as a slice, and `slot` is free
    once it is complete.
  }];
  let arguments = (ins DenseI64ArrayAttr:$stages, DenseI64ArrayAttr:$devices,
                       I64Attr:$slot, I64Attr:$slice, OptionalAttr<I64Attr>:$into);
  let assemblyFormat = "`stages` $stages `devices` $devices `slot` $slot `slice` $slice (`into` $into^)? attr-dict";
}

def Pipe_AllGatherOp : Pipe_Op<"all_gather", [HasParent<"ProgramOp">]> {
  let summary = "Starts to give all devices the slices of a weights slot, each from its owner";
  let description = [{
    Slices are those of the `reduce_scatter`. The last one may reach beyond the
    group's trainable parameters, into what is the same on all devices. Whoever uses
    the slot next waits, in this step or the next one.

    With `from` the device's own slice comes from that slot, where it is kept, and `slot` is
    made of all. It may come any number of times in a step.

    With `elements` the slot is made of these of all slices alone, each from a begin to before
    an end, one range behind the other. From a working slot they are copies in bf16, and that
    holds those of them which fall into the device's slice; from a weights slot, which holds a
    whole slice, it is one range.
  }];
  let arguments = (ins DenseI64ArrayAttr:$stages, DenseI64ArrayAttr:$devices,
                       I64Attr:$slot, I64Attr:$slice,
                       OptionalAttr<DenseI64ArrayAttr>:$begins,
                       OptionalAttr<DenseI64ArrayAttr>:$ends, OptionalAttr<I64Attr>:$from);
  let assemblyFormat = [{
    `stages` $stages `devices` $devices `slot` $slot `slice` $slice
    (`elements` $begins^ `to` $ends)? (`from` $from^)? attr-dict
  }];
  let hasVerifier = 1;
}

def Pipe_ClearOp : Pipe_Op<"clear", [HasParent<"ProgramOp">]> {
  let summary = "Sets a slot to zero, before gradients are added up in it";
  let description = [{
    Where gradients are there for a part of a step alone. Elsewhere the step clears them.
  }];
  let arguments = (ins DenseI64ArrayAttr:$stages, I64Attr:$slot);
  let assemblyFormat = "`stages` $stages `slot` $slot attr-dict";
}

def Pipe_GradNormOp : Pipe_Op<"grad_norm", [HasParent<"ProgramOp">]> {
  let summary = "Global gradient norm over all devices";
  let description = [{
    `slots` are the gradients this device answers for, of each the elements from
    `begins` to before `ends`, or the whole slot where these are not given. Over all
    devices every trainable parameter is counted once: those who hold a group
    answer for a slice of it each. Waits for the sums of these slots, adds up over
    the devices, and gives every device the norm.
  }];
  let arguments = (ins DenseI64ArrayAttr:$slots,
                       OptionalAttr<DenseI64ArrayAttr>:$begins,
                       OptionalAttr<DenseI64ArrayAttr>:$ends);
  let assemblyFormat = "$slots (`from` $begins^ `to` $ends)? attr-dict";
}

def Pipe_StepOp : Pipe_Op<"step", [HasParent<"ProgramOp">]> {
  let summary = "Steps the optimizer on a group and clears its gradients";
  let description = [{
    Waits for the group's gradient sum. `elements` f32 at the start of each
    slot. `moment1` and `moment2` are absent for optimizers without them. The
    first `working_elements` of the weights are then rounded into slot `working`,
    if there is one.

    With `begin` and `end` only these elements are stepped: the device's slice,
    behind a `reduce_scatter` and before an `all_gather`. Gradients are cleared all
    the same, and the slots of moments hold those of the slice alone. So do the slots of
    gradients and weights for which `gradients_at` and `weights_at` say with which element
    they begin; `working` then holds the copies of what `weights` does.

    With `microbatch` it is one of many within a step of the program: it takes the
    gradients of the `update_every` micro-batches up to that one, and makes the next version
    of the weights, of which the stage has so many as `versions` says (see pipe.run). It
    comes before the gradient norm, to which it adds the squares of its gradients.
  }];
  let arguments = (ins DenseI64ArrayAttr:$stages, I64Attr:$elements,
                       I64Attr:$weights, OptionalAttr<I64Attr>:$weights_at,
                       I64Attr:$gradients, OptionalAttr<I64Attr>:$gradients_at,
                       OptionalAttr<I64Attr>:$microbatch, OptionalAttr<I64Attr>:$versions,
                       OptionalAttr<I64Attr>:$begin, OptionalAttr<I64Attr>:$end,
                       OptionalAttr<I64Attr>:$moment1, OptionalAttr<I64Attr>:$moment2,
                       OptionalAttr<I64Attr>:$working,
                       OptionalAttr<I64Attr>:$working_elements);
  let assemblyFormat = [{
    `stages` $stages (`mb` $microbatch^ `versions` $versions)? `elements` $elements
    (`from` $begin^ `to` $end)? `weights` $weights (`at` $weights_at^)?
    `gradients` $gradients (`at` $gradients_at^)? (`moments` $moment1^ $moment2)?
    (`working` $working^ $working_elements)? attr-dict
  }];
}

def Pipe_StashOp : Pipe_Op<"stash", [HasParent<"ProgramOp">]> {
  let summary = "Keeps a version of the weights that later runs read, before a step changes them";
  let description = [{
    Copies slot `weights`, which holds version `version` of a group's parameters, into slot
    `kept`, and the copies in bf16 of slot `working`, if there is one, into `working_kept`.
  }];
  let arguments = (ins DenseI64ArrayAttr:$stages, I64Attr:$version, I64Attr:$weights,
                       I64Attr:$kept, OptionalAttr<I64Attr>:$working,
                       OptionalAttr<I64Attr>:$working_kept);
  let assemblyFormat = [{
    `stages` $stages `version` $version `weights` $weights `into` $kept
    (`working` $working^ `into` $working_kept)? attr-dict
  }];
}

def Pipe_RoundOp : Pipe_Op<"round", [HasParent<"ProgramOp">]> {
  let summary = "Rounds weights to their copies in bf16";
  let description = [{
    The first `elements` of slot `weights` into slot `working`, where an
    `all_gather` has brought weights that other devices have stepped.
  }];
  let arguments = (ins DenseI64ArrayAttr:$stages, I64Attr:$elements,
                       I64Attr:$weights, I64Attr:$working);
  let assemblyFormat = [{
    `stages` $stages `elements` $elements `weights` $weights `working` $working attr-dict
  }];
}

#endif
