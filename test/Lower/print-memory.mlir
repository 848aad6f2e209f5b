// RUN: bitpipe-opt %s --pipe-print-memory -o /dev/null | FileCheck %s --strict-whitespace

pipe.program device 0 arena 8388608 {
  pipe.slot 0 "weights" size 2097152 offset 0
  pipe.slot 1 "gradients" size 1048576 offset 2097152
  pipe.slot 2 "moment1" size 1048576 offset 3145728
  pipe.slot 3 "moment2" size 1048576 offset 4194304
  pipe.slot 4 "message" size 524288 offset 5242880
  pipe.slot 5 "arena" size 1572864 offset 5767168 name "saved 0" mb 0
  pipe.slot 6 "arena" size 1048576 offset 7340032 name "scratch"
  pipe.slot 7 "arena" size 524288 offset 7340032 name "scratch"
}

// CHECK:Memory per device in MiB
// CHECK-NEXT:device      weights      working    gradients    optimizer  activations     messages      scratch        total
// CHECK-NEXT:     0         2.00         0.00         1.00         2.00         1.50         0.50         1.00         8.00
