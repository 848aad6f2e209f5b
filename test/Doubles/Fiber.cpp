//===- Fiber.cpp - Code that can stop in the middle and go on later --------===//

#include "test/Doubles/Fiber.h"

#include <cstdint>
#include <cstring>

using namespace bitpipe::doubles;

static_assert(sizeof(void *) == 8, "the switch is written for x86-64");

/// Saves the registers that a call keeps on the stack, and what of the floating-point
/// units is state, and goes on where `next` was saved.
extern "C" void bitpipe_switch_stacks(void **saved, void *next);
asm(R"(
  .text
  .type bitpipe_switch_stacks, @function
bitpipe_switch_stacks:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  subq $8, %rsp
  stmxcsr (%rsp)
  fnstcw 4(%rsp)
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  ldmxcsr (%rsp)
  fldcw 4(%rsp)
  addq $8, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
  .size bitpipe_switch_stacks, .-bitpipe_switch_stacks
)");

Fiber::Fiber() : stack(new char[stackBytes]) {}

void Fiber::prepare(void (*code)()) {
  // From the top: a return address that is never used, so that the stack lies as a call
  // leaves it, the address to begin at, and what the switch restores.
  constexpr size_t registers = 6;
  auto top = reinterpret_cast<uintptr_t>(stack.get() + stackBytes) & ~uintptr_t(15);
  auto *words = reinterpret_cast<uint64_t *>(top);
  *--words = 0;
  *--words = reinterpret_cast<uint64_t>(code);
  for (size_t i = 0; i < registers; ++i)
    *--words = 0;
  uint32_t mxcsr;
  uint16_t control;
  asm volatile("stmxcsr %0" : "=m"(mxcsr));
  asm volatile("fnstcw %0" : "=m"(control));
  *--words = uint64_t(control) << 32 | mxcsr;
  own = words;
}

void Fiber::resume() { bitpipe_switch_stacks(&caller, own); }
void Fiber::suspend() { bitpipe_switch_stacks(&own, caller); }
