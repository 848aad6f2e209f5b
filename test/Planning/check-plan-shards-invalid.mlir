// RUN: split-file %s %t
// RUN: bitpipe-opt %t/right.mlir --pipe-check-plan > /dev/null
// RUN: sed '0,/run D/{/run D/d}' %t/right.mlir > %t/kept.mlir
// RUN: not bitpipe-opt %t/kept.mlir --pipe-check-plan 2>&1 | FileCheck %s --check-prefix=KEPT
// KEPT: error: device 0, position 3 (run A stage 0): gathers what is there, expected it dropped since device 0, position 0 (run A stage 0)
// RUN: sed '0,/run A/{/run A/d}' %t/right.mlir > %t/missing.mlir
// RUN: not bitpipe-opt %t/missing.mlir --pipe-check-plan 2>&1 | FileCheck %s --check-prefix=MISSING
// MISSING: error: device 0, position 0 (run F stage 0 mb 0): reads the gathered weights of stage 0, which no gather before it makes
// RUN: sed '/run S stage 0 mb 2/d' %t/right.mlir > %t/unsummed.mlir
// RUN: not bitpipe-opt %t/unsummed.mlir --pipe-check-plan 2>&1 | FileCheck %s --check-prefix=UNSUMMED
// UNSUMMED: error: device 1: the gradients of stage 0 are never scattered, expected once
// RUN: sed 's/run B stage 0 mb 1/run X/; s/run S stage 0 mb 0/run B stage 0 mb 1/; s/run X/run S stage 0 mb 0/' %t/right.mlir > %t/early.mlir
// RUN: not bitpipe-opt %t/early.mlir --pipe-check-plan 2>&1 | FileCheck %s --check-prefix=EARLY
// EARLY: error: device 0, position 6 (run S stage 0): reads the weight gradient of stage 0, micro-batch 1, which does not run before it
// RUN: sed 's/run A stage 0 mb 2/run A stage 0 mb 3/' %t/right.mlir > %t/named.mlir
// RUN: not bitpipe-opt %t/named.mlir --pipe-check-plan 2>&1 | FileCheck %s --check-prefix=NAMED
// NAMED: error: device 1, position 0 (run A stage 0): micro-batch 3, expected 2, the first that its device runs the stage for
// RUN: sed 's/pipe.update/pipe.reduce stages [0]\n pipe.update/' %t/right.mlir > %t/twice.mlir
// RUN: not bitpipe-opt %t/twice.mlir --pipe-check-plan 2>&1 | FileCheck %s --check-prefix=TWICE
// TWICE: error: {{.*}}(reduce stages [0]): is a sum beside the scatter of its gradients, expected none
// RUN: sed 's/pipe.update stages \[0\]/pipe.update stages [0]\n pipe.unshard stages [0]/' %t/right.mlir > %t/given.mlir
// RUN: not bitpipe-opt %t/given.mlir --pipe-check-plan 2>&1 | FileCheck %s --check-prefix=GIVEN
// GIVEN: error: {{.*}}(unshard stages [0]): gives weights that are gathered before they are read, expected no unshard
// RUN: sed '/run [AD]/d' %t/right.mlir > %t/gradients.mlir
// RUN: not bitpipe-opt %t/gradients.mlir --pipe-check-plan 2>&1 | FileCheck %s --check-prefix=GRADIENTS
// GRADIENTS: error: device 0: unshard stages [0] is missing, expected once

//--- right.mlir
pipe.plan @plan schedule "by hand" devices 2 microbatches 4 {
  pipe.route devices [0] microbatches [0, 1]
  pipe.route devices [1] microbatches [2, 3]
  pipe.device 0 {
    pipe.run A stage 0 mb 0
    pipe.run F stage 0 mb 0
    pipe.run F stage 0 mb 1
    pipe.run D stage 0 mb 0
    pipe.run A stage 0 mb 0
    pipe.run B stage 0 mb 0
    pipe.run B stage 0 mb 1
    pipe.run S stage 0 mb 0
    pipe.run D stage 0 mb 0
    pipe.update stages [0]
  }
  pipe.device 1 {
    pipe.run A stage 0 mb 2
    pipe.run F stage 0 mb 2
    pipe.run F stage 0 mb 3
    pipe.run D stage 0 mb 2
    pipe.run A stage 0 mb 2
    pipe.run B stage 0 mb 2
    pipe.run B stage 0 mb 3
    pipe.run S stage 0 mb 2
    pipe.run D stage 0 mb 2
    pipe.update stages [0]
  }
}
