// RUN: bitpipe-opt %s --pipe-check-plan --split-input-file --verify-diagnostics

// A run is lost.
// expected-error @below {{device 1: 1B0 never runs, expected once}}
pipe.plan @p schedule "by hand" devices 2 microbatches 1 {
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
    pipe.send B stage 1 mb 0 to 0
    pipe.update stages [1]
  }
}

// -----

// A run comes twice.
pipe.plan @p schedule "by hand" devices 2 microbatches 1 {
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
    // expected-error @below {{device 1, position 2 (run F stage 1 mb 0): runs a second time, expected once}}
    pipe.run F stage 1 mb 0
    pipe.run B stage 1 mb 0
    pipe.send B stage 1 mb 0 to 0
    pipe.update stages [1]
  }
}

// -----

// A run is on the wrong device.
pipe.plan @p schedule "by hand" devices 2 microbatches 1 {
  pipe.route devices [0, 1] microbatches [0]
  pipe.device 0 {
    pipe.send F stage 0 mb 0 to 1
    pipe.recv B stage 1 mb 0 from 1
    pipe.run B stage 0 mb 0
    pipe.update stages [0]
  }
  pipe.device 1 {
    // expected-error @below {{device 1, position 0 (run F stage 0 mb 0): runs here, expected on device 0 by its route}}
    pipe.run F stage 0 mb 0
    pipe.recv F stage 0 mb 0 from 0
    pipe.run F stage 1 mb 0
    pipe.run B stage 1 mb 0
    pipe.send B stage 1 mb 0 to 0
    pipe.update stages [1]
  }
}

// -----

// A gradient is read before it is received.
pipe.plan @p schedule "by hand" devices 2 microbatches 1 {
  pipe.route devices [0, 1] microbatches [0]
  pipe.device 0 {
    pipe.run F stage 0 mb 0
    pipe.send F stage 0 mb 0 to 1
    // expected-error @below {{device 0, position 2 (run B stage 0 mb 0): reads the gradient of stage 1, which is neither run nor received before it}}
    pipe.run B stage 0 mb 0
    pipe.recv B stage 1 mb 0 from 1
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

// -----

// A message is never sent.
// expected-error @below {{device 0: the activation of stage 0 mb 0 is never sent, expected once to device 1}}
pipe.plan @p schedule "by hand" devices 2 microbatches 1 {
  pipe.route devices [0, 1] microbatches [0]
  pipe.device 0 {
    pipe.run F stage 0 mb 0
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

// -----

// A message is sent too soon.
pipe.plan @p schedule "by hand" devices 2 microbatches 1 {
  pipe.route devices [0, 1] microbatches [0]
  pipe.device 0 {
    // expected-error @below {{device 0, position 0 (send F stage 0 mb 0 to 1): sends before the run that makes the tensor}}
    pipe.send F stage 0 mb 0 to 1
    pipe.run F stage 0 mb 0
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

// -----

// Each device waits for what the other sends later.
pipe.plan @p schedule "by hand" devices 2 microbatches 1 {
  pipe.route devices [0, 1] microbatches [0]
  pipe.device 0 {
    pipe.run F stage 0 mb 0
    pipe.recv B stage 1 mb 0 from 1
    // expected-error @below {{the plan blocks: device 0, position 2 (run B stage 0 mb 0) waits for recv B stage 1 mb 0 from 1, behind device 1, position 3 (send B stage 1 mb 0 to 0); device 1, position 1 (run F stage 1 mb 0) waits for recv F stage 0 mb 0 from 0, behind device 0, position 3 (send F stage 0 mb 0 to 1); this closes a cycle at device 0}}
    pipe.run B stage 0 mb 0
    pipe.send F stage 0 mb 0 to 1
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

// -----

// A stage is never updated.
// expected-error @below {{device 1: update stages [1] is missing, expected once}}
pipe.plan @p schedule "by hand" devices 2 microbatches 1 {
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
  }
}

// -----

// An update comes too early.
pipe.plan @p schedule "by hand" devices 2 microbatches 1 {
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
    pipe.update stages [1]
    // expected-error @below {{device 1, position 2 (run F stage 1 mb 0): runs with weights that are already updated, device 1, position 1 (update stages [1])}}
    pipe.run F stage 1 mb 0
    pipe.run B stage 1 mb 0
    pipe.send B stage 1 mb 0 to 0
  }
}

// -----

// There is no such group.
pipe.plan @p schedule "by hand" devices 2 microbatches 1 {
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
    // expected-error @below {{no group of stages [0, 1], expected one stage or the stages of a tie}}
    pipe.update stages [0, 1]
  }
}

// -----

// Nobody to sum with.
pipe.plan @p schedule "by hand" devices 2 microbatches 1 {
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
    // expected-error @below {{device 1, position 4 (reduce stages [1]): no other device holds this group, expected no sum}}
    pipe.reduce stages [1]
    pipe.update stages [1]
  }
}

// -----

// There is no such stage.
pipe.plan @p schedule "by hand" devices 2 microbatches 1 {
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
    // expected-error @below {{device 1, position 1 (run F stage 2 mb 0): stage 2, expected 0 to 1}}
    pipe.run F stage 2 mb 0
    pipe.run B stage 1 mb 0
    pipe.send B stage 1 mb 0 to 0
    pipe.update stages [1]
  }
}

// -----

// The routes do not cover all micro-batches.
// expected-error @below {{routes cover 1 micro-batches, expected 2}}
pipe.plan @p schedule "by hand" devices 2 microbatches 2 {
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

// -----

// A tie of a stage with itself.
// expected-error @below {{tie of stages [0, 0], expected two or more different ones of 0 to 1}}
pipe.plan @p schedule "by hand" devices 2 microbatches 1 {
  pipe.route devices [0, 1] microbatches [0]
  pipe.tie stages [0, 0]
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

// -----

// Messages have no names: the order of sends is that of the receives.
pipe.plan @p schedule "by hand" devices 2 microbatches 2 {
  pipe.route devices [0, 1] microbatches [0, 1]
  pipe.device 0 {
    pipe.run F stage 0 mb 0
    pipe.send F stage 0 mb 0 to 1
    pipe.run F stage 0 mb 1
    pipe.send F stage 0 mb 1 to 1
    pipe.recv B stage 1 mb 0 from 1
    pipe.recv B stage 1 mb 1 from 1
    pipe.run B stage 0 mb 0
    pipe.run B stage 0 mb 1
    pipe.update stages [0]
  }
  pipe.device 1 {
    // expected-error @below {{device 1, position 0 (recv F stage 0 mb 1 from 0): is message 0 of its channel with device 0, which has at this turn device 0, position 1 (send F stage 0 mb 0 to 1)}}
    pipe.recv F stage 0 mb 1 from 0
    pipe.recv F stage 0 mb 0 from 0
    pipe.run F stage 1 mb 0
    pipe.run B stage 1 mb 0
    pipe.send B stage 1 mb 0 to 0
    pipe.run F stage 1 mb 1
    pipe.run B stage 1 mb 1
    pipe.send B stage 1 mb 1 to 0
    pipe.update stages [1]
  }
}

// -----

// Sums must start in one order on all devices.
pipe.plan @p schedule "by hand" devices 2 microbatches 2 {
  pipe.route devices [0, 0] microbatches [0]
  pipe.route devices [1, 1] microbatches [1]
  pipe.device 0 {
    pipe.run F stage 0 mb 0
    pipe.run F stage 1 mb 0
    pipe.run B stage 1 mb 0
    pipe.run B stage 0 mb 0
    pipe.reduce stages [1]
    pipe.reduce stages [0]
    // expected-error @below {{the plan blocks: device 0, position 6 (update stages [0]) waits for reduce stages [1], behind device 1, position 4 (reduce stages [0]); device 1, position 6 (update stages [0]) waits for reduce stages [0], behind device 0, position 4 (reduce stages [1]); this closes a cycle at device 0}}
    pipe.update stages [0]
    pipe.update stages [1]
  }
  pipe.device 1 {
    pipe.run F stage 0 mb 1
    pipe.run F stage 1 mb 1
    pipe.run B stage 1 mb 1
    pipe.run B stage 0 mb 1
    pipe.reduce stages [0]
    pipe.reduce stages [1]
    pipe.update stages [0]
    pipe.update stages [1]
  }
}

// -----

// A stage recomputes for all of its micro-batches or none.
// expected-error @below {{device 0: 0R1 never runs, expected once: stage 0 recomputes}}
pipe.plan @p schedule "by hand" devices 1 microbatches 2 {
  pipe.route devices [0] microbatches [0, 1]
  pipe.device 0 {
    pipe.run F stage 0 mb 0
    pipe.run F stage 0 mb 1
    pipe.run R stage 0 mb 0
    pipe.run B stage 0 mb 0
    pipe.run B stage 0 mb 1
    pipe.update stages [0]
  }
}

// -----

pipe.plan @p schedule "by hand" devices 1 microbatches 1 {
  pipe.route devices [0] microbatches [0]
  pipe.device 0 {
    pipe.run F stage 0 mb 0
    pipe.run R stage 0 mb 0
    // expected-error @below {{device 0, position 2 (run R stage 0 mb 0): runs a second time, expected once}}
    pipe.run R stage 0 mb 0
    pipe.run B stage 0 mb 0
    pipe.update stages [0]
  }
}

// -----

pipe.plan @p schedule "by hand" devices 1 microbatches 1 {
  pipe.route devices [0] microbatches [0]
  pipe.device 0 {
    // expected-error @below {{device 0, position 0 (run R stage 0 mb 0): reads the input of stage 0, which the forward keeps, but that does not run before it}}
    pipe.run R stage 0 mb 0
    pipe.run F stage 0 mb 0
    pipe.run B stage 0 mb 0
    pipe.update stages [0]
  }
}

// -----

pipe.plan @p schedule "by hand" devices 1 microbatches 1 {
  pipe.route devices [0] microbatches [0]
  pipe.device 0 {
    pipe.run F stage 0 mb 0
    // expected-error @below {{device 0, position 1 (run I stage 0 mb 0): reads the recomputation of stage 0, which is neither run nor received before it}}
    pipe.run I stage 0 mb 0
    pipe.run R stage 0 mb 0
    pipe.run W stage 0 mb 0
    pipe.update stages [0]
  }
}

// -----

// A message is named by what makes a tensor that travels.
pipe.plan @p schedule "by hand" devices 2 microbatches 1 {
  pipe.route devices [0, 1] microbatches [0]
  pipe.device 0 {
    pipe.run F stage 0 mb 0
    // expected-error @below {{device 0, position 1 (send R stage 0 mb 0 to 1): a message of kind R, expected F, B, E or G}}
    pipe.send R stage 0 mb 0 to 1
    pipe.run B stage 0 mb 0
    pipe.update stages [0]
  }
  pipe.device 1 {
    pipe.run F stage 1 mb 0
    pipe.run B stage 1 mb 0
    pipe.update stages [1]
  }
}

// -----

// What one device has updated of a group, all have.
// expected-error @below {{device 1: unshard stages [0] is missing, expected once}}
pipe.plan @p schedule "by hand" devices 2 microbatches 2 {
  pipe.route devices [0, 0] microbatches [0]
  pipe.route devices [1, 1] microbatches [1]
  pipe.device 0 {
    pipe.run F stage 0 mb 0
    pipe.run F stage 1 mb 0
    pipe.run B stage 1 mb 0
    pipe.run B stage 0 mb 0
    pipe.reduce stages [1]
    pipe.reduce stages [0]
    pipe.update stages [0]
    pipe.unshard stages [0]
    pipe.update stages [1]
  }
  pipe.device 1 {
    pipe.run F stage 0 mb 1
    pipe.run F stage 1 mb 1
    pipe.run B stage 1 mb 1
    pipe.run B stage 0 mb 1
    pipe.reduce stages [1]
    pipe.reduce stages [0]
    pipe.update stages [0]
    pipe.update stages [1]
  }
}

// -----

// It comes behind the update.
pipe.plan @p schedule "by hand" devices 2 microbatches 2 {
  pipe.route devices [0, 0] microbatches [0]
  pipe.route devices [1, 1] microbatches [1]
  pipe.device 0 {
    pipe.run F stage 0 mb 0
    pipe.run F stage 1 mb 0
    pipe.run B stage 1 mb 0
    pipe.run B stage 0 mb 0
    pipe.reduce stages [1]
    pipe.reduce stages [0]
    pipe.update stages [0]
    pipe.unshard stages [0]
    pipe.update stages [1]
  }
  pipe.device 1 {
    pipe.run F stage 0 mb 1
    pipe.run F stage 1 mb 1
    pipe.run B stage 1 mb 1
    pipe.run B stage 0 mb 1
    pipe.reduce stages [1]
    pipe.reduce stages [0]
    pipe.update stages [1]
    // expected-error @below {{device 1, position 7 (unshard stages [0]): comes before the update at position 8}}
    pipe.unshard stages [0]
    pipe.update stages [0]
  }
}

// -----

// Unshards start in one order, too.
// expected-error @below {{the plan blocks: device 0, at its end, waits for unshard stages [0], behind device 1, position 7 (unshard stages [1]); device 1, at its end, waits for unshard stages [1], behind device 0, position 7 (unshard stages [0]); this closes a cycle at device 0}}
pipe.plan @p schedule "by hand" devices 2 microbatches 2 {
  pipe.route devices [0, 0] microbatches [0]
  pipe.route devices [1, 1] microbatches [1]
  pipe.device 0 {
    pipe.run F stage 0 mb 0
    pipe.run F stage 1 mb 0
    pipe.run B stage 1 mb 0
    pipe.run B stage 0 mb 0
    pipe.reduce stages [1]
    pipe.reduce stages [0]
    pipe.update stages [0]
    pipe.unshard stages [0]
    pipe.update stages [1]
    pipe.unshard stages [1]
  }
  pipe.device 1 {
    pipe.run F stage 0 mb 1
    pipe.run F stage 1 mb 1
    pipe.run B stage 1 mb 1
    pipe.run B stage 0 mb 1
    pipe.reduce stages [1]
    pipe.reduce stages [0]
    pipe.update stages [1]
    pipe.unshard stages [1]
    pipe.update stages [0]
    pipe.unshard stages [0]
  }
}

// -----

// What no other device holds is whole.
pipe.plan @p schedule "by hand" devices 1 microbatches 1 {
  pipe.route devices [0] microbatches [0]
  pipe.device 0 {
    pipe.run F stage 0 mb 0
    pipe.run B stage 0 mb 0
    pipe.update stages [0]
    // expected-error @below {{device 0, position 3 (unshard stages [0]): no other device holds this group, expected no unshard}}
    pipe.unshard stages [0]
  }
}

// -----

// Of a stage with two versions micro-batch 2 reads what the update after micro-batch 0 makes.
pipe.plan @p schedule "by hand" devices 1 microbatches 3 {
  pipe.route devices [0] microbatches [0, 1, 2]
  pipe.device 0 {
    pipe.run F stage 0 mb 0
    pipe.run F stage 0 mb 1
    pipe.run B stage 0 mb 0
    // expected-error @below {{device 0, position 3 (run F stage 0 mb 2): reads version 1 of the weights of stage 0, which no update before it makes}}
    pipe.run F stage 0 mb 2
    pipe.run U stage 0 mb 0 versions 2
    pipe.run B stage 0 mb 1
    pipe.run U stage 0 mb 1 versions 2
    pipe.run B stage 0 mb 2
    pipe.run U stage 0 mb 2 versions 2
  }
}

// -----

pipe.plan @p schedule "by hand" devices 1 microbatches 2 {
  pipe.route devices [0] microbatches [0, 1]
  pipe.device 0 {
    pipe.run F stage 0 mb 0
    pipe.run F stage 0 mb 1
    // expected-error @below {{device 0, position 2 (run U stage 0 mb 0 versions 2): reads the weight gradient of stage 0, micro-batch 0, which does not run before it}}
    pipe.run U stage 0 mb 0 versions 2
    pipe.run B stage 0 mb 0
    pipe.run B stage 0 mb 1
    pipe.run U stage 0 mb 1 versions 2
  }
}

// -----

pipe.plan @p schedule "by hand" devices 1 microbatches 2 {
  pipe.route devices [0] microbatches [0, 1]
  pipe.device 0 {
    pipe.run F stage 0 mb 0
    pipe.run F stage 0 mb 1
    pipe.run B stage 0 mb 0
    pipe.run U stage 0 mb 0 versions 2
    pipe.run B stage 0 mb 1
    // expected-error @below {{says that there are 3 versions of the weights of stage 0, expected 2 as at its first update}}
    pipe.run U stage 0 mb 1 versions 3
  }
}

// -----

pipe.plan @p schedule "by hand" devices 1 microbatches 2 {
  pipe.route devices [0] microbatches [0, 1]
  pipe.device 0 {
    pipe.run F stage 0 mb 0
    pipe.run F stage 0 mb 1
    pipe.run B stage 0 mb 0
    // expected-error @below {{comes before the update of stage 0 after micro-batch 0, expected behind it: the gradients of both are summed in one place}}
    pipe.run B stage 0 mb 1
    pipe.run U stage 0 mb 0 versions 2
    pipe.run U stage 0 mb 1 versions 2
  }
}

// -----

pipe.plan @p schedule "by hand" devices 1 microbatches 1 {
  pipe.route devices [0] microbatches [0]
  pipe.device 0 {
    pipe.run F stage 0 mb 0
    pipe.run B stage 0 mb 0
    pipe.run U stage 0 mb 0 versions 1
    // expected-error @below {{expected nothing of this at the end of a schedule that updates between micro-batches}}
    pipe.update stages [0]
  }
}

// -----

// expected-error @below {{stages [0, 1] share parameters and some of them a device, expected each on devices of its own in a schedule that updates between micro-batches}}
pipe.plan @p schedule "by hand" devices 1 microbatches 1 {
  pipe.route devices [0, 0] microbatches [0]
  pipe.tie stages [0, 1]
  pipe.device 0 {
    pipe.run F stage 0 mb 0
    pipe.run F stage 1 mb 0
    pipe.run B stage 1 mb 0
    pipe.run U stage 1 mb 0 versions 1
    pipe.run B stage 0 mb 0
    pipe.run U stage 0 mb 0 versions 1
  }
}

// -----

pipe.plan @p schedule "by hand" devices 1 microbatches 1 {
  pipe.route devices [0] microbatches [0]
  pipe.device 0 {
    // expected-error @below {{run F says versions, expected them of run U alone}}
    pipe.run F stage 0 mb 0 versions 1
    pipe.run B stage 0 mb 0
    pipe.update stages [0]
  }
}

// -----

// What was saved is loaded before it is evicted.
pipe.plan @p schedule "by hand" devices 2 microbatches 3 {
  pipe.route devices [0, 1] microbatches [0, 1, 2]
  pipe.device 0 {
    pipe.run F stage 0 mb 0
    // expected-error @below {{device 0, position 1 (recv G stage 0 mb 0 from 1): loads what is not evicted before it}}
    pipe.recv G stage 0 mb 0 from 1
    pipe.send F stage 0 mb 0 to 1
    pipe.run F stage 0 mb 1
    pipe.send F stage 0 mb 1 to 1
    pipe.send E stage 0 mb 0 to 1
    pipe.run F stage 0 mb 2
    pipe.send F stage 0 mb 2 to 1
    pipe.recv B stage 1 mb 0 from 1
    pipe.run B stage 0 mb 0
    pipe.recv B stage 1 mb 1 from 1
    pipe.run B stage 0 mb 1
    pipe.recv B stage 1 mb 2 from 1
    pipe.run B stage 0 mb 2
    pipe.update stages [0]
  }
  pipe.device 1 {
    pipe.recv F stage 0 mb 0 from 0
    pipe.run F stage 1 mb 0
    pipe.recv F stage 0 mb 1 from 0
    pipe.run B stage 1 mb 0
    pipe.send B stage 1 mb 0 to 0
    pipe.recv E stage 0 mb 0 from 0
    pipe.run F stage 1 mb 1
    pipe.recv F stage 0 mb 2 from 0
    pipe.send G stage 0 mb 0 to 0
    pipe.run B stage 1 mb 1
    pipe.send B stage 1 mb 1 to 0
    pipe.run F stage 1 mb 2
    pipe.run B stage 1 mb 2
    pipe.send B stage 1 mb 2 to 0
    pipe.update stages [1]
  }
}

// -----

// It is evicted twice.
pipe.plan @p schedule "by hand" devices 2 microbatches 3 {
  pipe.route devices [0, 1] microbatches [0, 1, 2]
  pipe.device 0 {
    pipe.run F stage 0 mb 0
    pipe.send F stage 0 mb 0 to 1
    pipe.run F stage 0 mb 1
    pipe.send F stage 0 mb 1 to 1
    pipe.send E stage 0 mb 0 to 1
    pipe.run F stage 0 mb 2
    // expected-error @below {{device 0, position 6 (send E stage 0 mb 0 to 1): is evicted a second time, expected once}}
    pipe.send E stage 0 mb 0 to 1
    pipe.send F stage 0 mb 2 to 1
    pipe.recv B stage 1 mb 0 from 1
    pipe.recv G stage 0 mb 0 from 1
    pipe.run B stage 0 mb 0
    pipe.recv B stage 1 mb 1 from 1
    pipe.run B stage 0 mb 1
    pipe.recv B stage 1 mb 2 from 1
    pipe.run B stage 0 mb 2
    pipe.update stages [0]
  }
  pipe.device 1 {
    pipe.recv F stage 0 mb 0 from 0
    pipe.run F stage 1 mb 0
    pipe.recv F stage 0 mb 1 from 0
    pipe.run B stage 1 mb 0
    pipe.send B stage 1 mb 0 to 0
    pipe.recv E stage 0 mb 0 from 0
    pipe.run F stage 1 mb 1
    pipe.recv F stage 0 mb 2 from 0
    pipe.send G stage 0 mb 0 to 0
    pipe.run B stage 1 mb 1
    pipe.send B stage 1 mb 1 to 0
    pipe.run F stage 1 mb 2
    pipe.run B stage 1 mb 2
    pipe.send B stage 1 mb 2 to 0
    pipe.update stages [1]
  }
}

// -----

// A gradient reads what is evicted.
pipe.plan @p schedule "by hand" devices 2 microbatches 3 {
  pipe.route devices [0, 1] microbatches [0, 1, 2]
  pipe.device 0 {
    pipe.run F stage 0 mb 0
    pipe.send F stage 0 mb 0 to 1
    pipe.run F stage 0 mb 1
    pipe.send F stage 0 mb 1 to 1
    pipe.send E stage 0 mb 0 to 1
    pipe.run F stage 0 mb 2
    pipe.send F stage 0 mb 2 to 1
    pipe.recv B stage 1 mb 0 from 1
    // expected-error @below {{device 0, position 8 (run B stage 0 mb 0): reads what is evicted, expected 0L0 before it}}
    pipe.run B stage 0 mb 0
    pipe.recv G stage 0 mb 0 from 1
    pipe.recv B stage 1 mb 1 from 1
    pipe.run B stage 0 mb 1
    pipe.recv B stage 1 mb 2 from 1
    pipe.run B stage 0 mb 2
    pipe.update stages [0]
  }
  pipe.device 1 {
    pipe.recv F stage 0 mb 0 from 0
    pipe.run F stage 1 mb 0
    pipe.recv F stage 0 mb 1 from 0
    pipe.run B stage 1 mb 0
    pipe.send B stage 1 mb 0 to 0
    pipe.recv E stage 0 mb 0 from 0
    pipe.run F stage 1 mb 1
    pipe.recv F stage 0 mb 2 from 0
    pipe.send G stage 0 mb 0 to 0
    pipe.run B stage 1 mb 1
    pipe.send B stage 1 mb 1 to 0
    pipe.run F stage 1 mb 2
    pipe.run B stage 1 mb 2
    pipe.send B stage 1 mb 2 to 0
    pipe.update stages [1]
  }
}

// -----

// It is never loaded back.
// expected-error @below {{device 1: 0G0 never comes, expected once: what is evicted is kept, given back and loaded again}}
pipe.plan @p schedule "by hand" devices 2 microbatches 3 {
  pipe.route devices [0, 1] microbatches [0, 1, 2]
  pipe.device 0 {
    pipe.run F stage 0 mb 0
    pipe.send F stage 0 mb 0 to 1
    pipe.run F stage 0 mb 1
    pipe.send F stage 0 mb 1 to 1
    pipe.send E stage 0 mb 0 to 1
    pipe.run F stage 0 mb 2
    pipe.send F stage 0 mb 2 to 1
    pipe.recv B stage 1 mb 0 from 1
    pipe.run B stage 0 mb 0
    pipe.recv B stage 1 mb 1 from 1
    pipe.run B stage 0 mb 1
    pipe.recv B stage 1 mb 2 from 1
    pipe.run B stage 0 mb 2
    pipe.update stages [0]
  }
  pipe.device 1 {
    pipe.recv F stage 0 mb 0 from 0
    pipe.run F stage 1 mb 0
    pipe.recv F stage 0 mb 1 from 0
    pipe.run B stage 1 mb 0
    pipe.send B stage 1 mb 0 to 0
    pipe.recv E stage 0 mb 0 from 0
    pipe.run F stage 1 mb 1
    pipe.recv F stage 0 mb 2 from 0
    pipe.run B stage 1 mb 1
    pipe.send B stage 1 mb 1 to 0
    pipe.run F stage 1 mb 2
    pipe.run B stage 1 mb 2
    pipe.send B stage 1 mb 2 to 0
    pipe.update stages [1]
  }
}

// -----

// The other device frees it twice.
pipe.plan @p schedule "by hand" devices 2 microbatches 3 {
  pipe.route devices [0, 1] microbatches [0, 1, 2]
  pipe.device 0 {
    pipe.run F stage 0 mb 0
    pipe.send F stage 0 mb 0 to 1
    pipe.run F stage 0 mb 1
    pipe.send F stage 0 mb 1 to 1
    pipe.send E stage 0 mb 0 to 1
    pipe.run F stage 0 mb 2
    pipe.send F stage 0 mb 2 to 1
    pipe.recv B stage 1 mb 0 from 1
    pipe.recv G stage 0 mb 0 from 1
    pipe.run B stage 0 mb 0
    pipe.recv B stage 1 mb 1 from 1
    pipe.run B stage 0 mb 1
    pipe.recv B stage 1 mb 2 from 1
    pipe.run B stage 0 mb 2
    pipe.update stages [0]
  }
  pipe.device 1 {
    pipe.recv F stage 0 mb 0 from 0
    pipe.run F stage 1 mb 0
    pipe.recv F stage 0 mb 1 from 0
    pipe.run B stage 1 mb 0
    pipe.send B stage 1 mb 0 to 0
    pipe.recv E stage 0 mb 0 from 0
    pipe.run F stage 1 mb 1
    pipe.recv F stage 0 mb 2 from 0
    pipe.send G stage 0 mb 0 to 0
    // expected-error @below {{device 1, position 9 (send G stage 0 mb 0 to 0): is freed a second time, expected once}}
    pipe.send G stage 0 mb 0 to 0
    pipe.run B stage 1 mb 1
    pipe.send B stage 1 mb 1 to 0
    pipe.run F stage 1 mb 2
    pipe.run B stage 1 mb 2
    pipe.send B stage 1 mb 2 to 0
    pipe.update stages [1]
  }
}

// -----

// Nobody keeps what is evicted.
pipe.plan @p schedule "by hand" devices 2 microbatches 3 {
  pipe.route devices [0, 1] microbatches [0, 1, 2]
  pipe.device 0 {
    pipe.run F stage 0 mb 0
    pipe.send F stage 0 mb 0 to 1
    pipe.run F stage 0 mb 1
    pipe.send F stage 0 mb 1 to 1
    // expected-error @below {{device 0, position 4 (send E stage 0 mb 0 to 1): no device keeps what it moves, expected one that receives it}}
    pipe.send E stage 0 mb 0 to 1
    pipe.run F stage 0 mb 2
    pipe.send F stage 0 mb 2 to 1
    pipe.recv B stage 1 mb 0 from 1
    pipe.recv G stage 0 mb 0 from 1
    pipe.run B stage 0 mb 0
    pipe.recv B stage 1 mb 1 from 1
    pipe.run B stage 0 mb 1
    pipe.recv B stage 1 mb 2 from 1
    pipe.run B stage 0 mb 2
    pipe.update stages [0]
  }
  pipe.device 1 {
    pipe.recv F stage 0 mb 0 from 0
    pipe.run F stage 1 mb 0
    pipe.recv F stage 0 mb 1 from 0
    pipe.run B stage 1 mb 0
    pipe.send B stage 1 mb 0 to 0
    pipe.run F stage 1 mb 1
    pipe.recv F stage 0 mb 2 from 0
    pipe.send G stage 0 mb 0 to 0
    pipe.run B stage 1 mb 1
    pipe.send B stage 1 mb 1 to 0
    pipe.run F stage 1 mb 2
    pipe.run B stage 1 mb 2
    pipe.send B stage 1 mb 2 to 0
    pipe.update stages [1]
  }
}

// -----

// Messages between two devices have no names: what is evicted is received for another one.
pipe.plan @p schedule "by hand" devices 2 microbatches 3 {
  pipe.route devices [0, 1] microbatches [0, 1, 2]
  pipe.device 0 {
    pipe.run F stage 0 mb 0
    pipe.send F stage 0 mb 0 to 1
    pipe.run F stage 0 mb 1
    pipe.send F stage 0 mb 1 to 1
    pipe.send E stage 0 mb 0 to 1
    pipe.run F stage 0 mb 2
    pipe.send F stage 0 mb 2 to 1
    pipe.recv B stage 1 mb 0 from 1
    pipe.recv G stage 0 mb 0 from 1
    pipe.run B stage 0 mb 0
    pipe.recv B stage 1 mb 1 from 1
    pipe.run B stage 0 mb 1
    pipe.recv B stage 1 mb 2 from 1
    pipe.run B stage 0 mb 2
    pipe.update stages [0]
  }
  pipe.device 1 {
    pipe.recv F stage 0 mb 0 from 0
    pipe.run F stage 1 mb 0
    pipe.recv F stage 0 mb 1 from 0
    pipe.run B stage 1 mb 0
    pipe.send B stage 1 mb 0 to 0
    pipe.run F stage 1 mb 1
    // expected-error @below {{device 1, position 6 (recv F stage 0 mb 2 from 0): is message 2 of its channel with device 0, which has at this turn device 0, position 4 (send E stage 0 mb 0 to 1)}}
    pipe.recv F stage 0 mb 2 from 0
    pipe.recv E stage 0 mb 0 from 0
    pipe.send G stage 0 mb 0 to 0
    pipe.run B stage 1 mb 1
    pipe.send B stage 1 mb 1 to 0
    pipe.run F stage 1 mb 2
    pipe.run B stage 1 mb 2
    pipe.send B stage 1 mb 2 to 0
    pipe.update stages [1]
  }
}
