// RUN: bitpipe-opt %s --pipe-check-plan | FileCheck %s

// A plan written by hand: the sum of a tied parameter's gradient needs both
// devices, that of a stage's own needs none.
// CHECK: pipe.plan @p
pipe.plan @p schedule "by hand" devices 2 microbatches 2 {
  pipe.route devices [0, 1] microbatches [0, 1]
  pipe.tie stages [0, 1]
  pipe.device 0 {
    pipe.run F stage 0 mb 1
    pipe.send F stage 0 mb 1 to 1
    pipe.run F stage 0 mb 0
    pipe.send F stage 0 mb 0 to 1
    pipe.recv B stage 1 mb 1 from 1
    pipe.recv B stage 1 mb 0 from 1
    pipe.run I stage 0 mb 0
    pipe.run B stage 0 mb 1
    pipe.run W stage 0 mb 0
    pipe.reduce stages [0, 1]
    pipe.update stages [0, 1]
    pipe.update stages [0]
  }
  pipe.device 1 {
    pipe.recv F stage 0 mb 1 from 0
    pipe.recv F stage 0 mb 0 from 0
    pipe.run F stage 1 mb 0
    pipe.run F stage 1 mb 1
    pipe.run B stage 1 mb 1
    pipe.send B stage 1 mb 1 to 0
    pipe.run B stage 1 mb 0
    pipe.send B stage 1 mb 0 to 0
    pipe.reduce stages [0, 1]
    pipe.update stages [1]
    pipe.update stages [0, 1]
  }
}

// Updates between micro-batches: of two versions in groups of two, with none at the end.
// CHECK: pipe.plan @between
// CHECK: pipe.run U stage 0 mb 1 versions 2
pipe.plan @between schedule "by hand" devices 1 microbatches 4 {
  pipe.route devices [0] microbatches [0, 1, 2, 3]
  pipe.device 0 {
    pipe.run F stage 0 mb 0
    pipe.run F stage 0 mb 1
    pipe.run F stage 0 mb 2
    pipe.run B stage 0 mb 0
    pipe.run B stage 0 mb 1
    pipe.run U stage 0 mb 1 versions 2
    pipe.run F stage 0 mb 3
    pipe.run I stage 0 mb 2
    pipe.run W stage 0 mb 2
    pipe.run B stage 0 mb 3
    pipe.run U stage 0 mb 3 versions 2
  }
}
