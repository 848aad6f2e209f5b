// RUN: split-file %s %t
// RUN: bitpipe-opt %t/empty.mlir --pipe-make-plan="pipeline=gpipe devices=2 microbatches=1" | FileCheck %s --check-prefix=GPIPE
// RUN: bitpipe-opt %t/tied.mlir --pipe-make-plan="pipeline=gpipe devices=2 microbatches=1" --pipe-check-plan | FileCheck %s --check-prefix=TIED
// RUN: bitpipe-opt %t/empty.mlir --pipe-make-plan="pipeline=bitpipe devices=2 microbatches=2" --pipe-check-plan | FileCheck %s --check-prefix=BITPIPE
// RUN: bitpipe-opt %t/empty.mlir --pipe-make-plan="pipeline=bitpipe devices=2 microbatches=2 shard=optimizer" --pipe-check-plan | FileCheck %s --check-prefix=SHARD
// RUN: bitpipe-opt %t/empty.mlir --pipe-make-plan="schedule=%source/test/golden/pytorch/zbvzerobubble-d4-n8.csv" --pipe-check-plan | FileCheck %s --check-prefix=FILE
// RUN: bitpipe-opt %t/empty.mlir --pipe-make-plan="pipeline=gpipe devices=2 microbatches=1 recompute=0" --pipe-check-plan | FileCheck %s --check-prefix=RECOMPUTE

//--- empty.mlir
module {}

// GPIPE:      pipe.plan @plan schedule "gpipe" devices 2 microbatches 1 {
// GPIPE-NEXT:   pipe.route devices [0, 1] microbatches [0]
// GPIPE-NEXT:   pipe.device 0 {
// GPIPE-NEXT:     pipe.run F stage 0 mb 0
// GPIPE-NEXT:     pipe.send F stage 0 mb 0 to 1
// GPIPE-NEXT:     pipe.recv B stage 1 mb 0 from 1
// GPIPE-NEXT:     pipe.run B stage 0 mb 0
// GPIPE-NEXT:     pipe.update stages [0]
// GPIPE-NEXT:   }
// GPIPE-NEXT:   pipe.device 1 {
// GPIPE-NEXT:     pipe.recv F stage 0 mb 0 from 0
// GPIPE-NEXT:     pipe.run F stage 1 mb 0
// GPIPE-NEXT:     pipe.run B stage 1 mb 0
// GPIPE-NEXT:     pipe.send B stage 1 mb 0 to 0
// GPIPE-NEXT:     pipe.update stages [1]
// GPIPE-NEXT:   }

// A recomputation runs while its gradient's message is awaited, which is received when it
// can be there.
// RECOMPUTE:      pipe.run F stage 0 mb 0
// RECOMPUTE-NEXT: pipe.send F stage 0 mb 0 to 1
// RECOMPUTE-NEXT: pipe.run R stage 0 mb 0
// RECOMPUTE-NEXT: pipe.recv B stage 1 mb 0 from 1
// RECOMPUTE-NEXT: pipe.run B stage 0 mb 0
// RECOMPUTE:      pipe.run F stage 1 mb 0
// RECOMPUTE-NEXT: pipe.run B stage 1 mb 0

// The two stages of a direction's ends share a device, partners share both.
// BITPIPE:      pipe.route devices [0, 1, 1, 0] microbatches [0]
// BITPIPE-NEXT: pipe.route devices [1, 0, 0, 1] microbatches [1]
// BITPIPE:      pipe.reduce stages [3]
// BITPIPE:      pipe.reduce stages [0]
// BITPIPE-NEXT: pipe.update stages [0]
// BITPIPE-NEXT: pipe.update stages [1]
// BITPIPE-NEXT: pipe.update stages [2]
// BITPIPE-NEXT: pipe.update stages [3]

// What both have updated of a stage is given to both.
// SHARD:      pipe.reduce stages [0]
// SHARD-NEXT: pipe.update stages [0]
// SHARD-NEXT: pipe.unshard stages [0]
// SHARD-NEXT: pipe.update stages [1]
// SHARD-NEXT: pipe.unshard stages [1]

// The routes are read off the order.
// FILE: pipe.route devices [0, 1, 2, 3, 3, 2, 1, 0] microbatches [0, 1, 2, 3, 4, 5, 6, 7]
// FILE: pipe.run I stage 7 mb 0
// FILE: pipe.run W stage 7 mb 0

//--- tied.mlir
pipe.parameter @shared : tensor<4xf32> trainable value dense<0.0> : tensor<4xf32>
pipe.parameter @fixed : tensor<4xf32> value dense<0.0> : tensor<4xf32>
pipe.stage 0 forward @f inputs ["x"] parameters [@shared, @fixed] carried_in [] carried_out [true] cost [1.0, 1.0, 1.0]
pipe.stage 1 forward @f inputs [] parameters [@shared, @fixed] carried_in [true] carried_out [true] cost [1.0, 1.0, 1.0]

// Only what is trained has a gradient to sum.
// TIED:      pipe.tie stages [0, 1]
// TIED-NOT:  pipe.tie
// TIED:      pipe.device 0
// TIED:      pipe.run B stage 0 mb 0
// TIED-NEXT: pipe.reduce stages [0, 1]
// TIED-NEXT: pipe.update stages [0]
// TIED-NEXT: pipe.update stages [0, 1]
