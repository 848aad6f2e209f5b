// RUN: split-file %s %t
// RUN: not bitpipe-opt %t/empty.mlir --pipe-make-plan="pipeline=nope" 2>&1 | FileCheck %s --check-prefix=NAME
// RUN: not bitpipe-opt %t/empty.mlir --pipe-make-plan="pipeline=bitpipe-published devices=3" 2>&1 | FileCheck %s --check-prefix=ODD
// RUN: not bitpipe-opt %t/empty.mlir --pipe-make-plan="pipeline=bitpipe-published devices=4 microbatches=6" 2>&1 | FileCheck %s --check-prefix=MULTIPLE
// RUN: not bitpipe-opt %t/empty.mlir --pipe-make-plan="pipeline=bitpipe devices=4 microbatches=3" 2>&1 | FileCheck %s --check-prefix=FEW
// RUN: not bitpipe-opt %t/empty.mlir --pipe-make-plan="schedule=%t/bad.csv" 2>&1 | FileCheck %s --check-prefix=CELL
// RUN: not bitpipe-opt %t/empty.mlir --pipe-make-plan="schedule=%t/missing.csv" 2>&1 | FileCheck %s --check-prefix=MISSING
// RUN: not bitpipe-opt %t/empty.mlir --pipe-make-plan="schedule=%t/blocks.csv" 2>&1 | FileCheck %s --check-prefix=BLOCKS
// RUN: not bitpipe-opt %t/one.mlir --pipe-make-plan="pipeline=gpipe devices=2" 2>&1 | FileCheck %s --check-prefix=STAGES

//--- empty.mlir
module {}
//--- bad.csv
0F0,0X0
//--- blocks.csv
0F0,0B0,0F1,0B1
1F1,1B1,1F0,1B0
//--- one.mlir
pipe.stage 0 forward @f inputs ["x"] parameters [] carried_in [] carried_out [true] cost [1.0, 1.0, 1.0]

// NAME: error: no schedule named 'nope', expected one of 1f1b, bitpipe,
// ODD: error: bitpipe-published: 3 devices, expected an even number
// MULTIPLE: error: bitpipe-published: 6 micro-batches, expected a multiple of the 4 devices
// FEW: error: bitpipe: 3 micro-batches, expected at least 4, one per device
// CELL: error: {{.*}}bad.csv: row 1, cell 2: '0X0', expected an action such as 3F2
// MISSING: error: {{.*}}missing.csv: cannot be read
// BLOCKS: error: {{.*}}blocks.csv: the order blocks: device 0 at 0B0 waits for 1B0, device 1 at 1F1 waits for 0F1, device 0 at 0B0
// STAGES: error: the model has 1 stages, expected 2 for 'gpipe' on 2 devices
