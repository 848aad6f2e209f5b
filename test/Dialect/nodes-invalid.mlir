// RUN: bitpipe-opt %s --verify-diagnostics

// expected-error @+1 {{'pipe.plan' op attribute 'devices_per_node' failed to satisfy constraint: 64-bit signless integer attribute whose value is positive}}
pipe.plan @p schedule "gpipe" devices 1 microbatches 1 devices_per_node 0 {
  pipe.route devices [0] microbatches [0]
  pipe.device 0 {
    pipe.run F stage 0 mb 0
    pipe.run B stage 0 mb 0
    pipe.update stages [0]
  }
}
