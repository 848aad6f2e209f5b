//===- SlotNames.cpp - What slots are called -----------------------------------===//

#include "lib/Runtime/Printed/Printers.h"

using namespace bitpipe;

std::string printed::kindOf(const Program &program, const Slot &slot) {
  std::string microbatch = "_mb" + std::to_string(slot.microbatch);
  switch (slot.source) {
  case SlotSource::Arena:
    return "memory";
  case SlotSource::Host:
    return "host";
  case SlotSource::Message:
    return "message";
  case SlotSource::Input:
    return program.inputs[slot.input].name + microbatch;
  case SlotSource::Seed:
    return "seed";
  case SlotSource::Key:
    return "key" + std::to_string(slot.dropout) + microbatch;
  case SlotSource::Loss:
    return "loss" + microbatch;
  case SlotSource::Weights:
    return "weights";
  case SlotSource::Stashed:
    return "stashed";
  case SlotSource::Working:
    return "working";
  case SlotSource::Gradients:
    return "gradients";
  case SlotSource::Moment1:
    return "moment1";
  case SlotSource::Moment2:
    return "moment2";
  }
  return "slot";
}
