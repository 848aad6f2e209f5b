//===- Prediction.h - Predicted beside measured ----------------------------===//

#ifndef BITPIPE_RUNTIME_TRAIN_PREDICTION_H
#define BITPIPE_RUNTIME_TRAIN_PREDICTION_H

#include "lib/Runtime/Plan/Predict.h"
#include "lib/Runtime/Train/Gathered.h"

namespace bitpipe {

/// Devices by the cores that they may use, of which as many compute at once as there
/// are. Empty where devices do not compute.
std::vector<Machine> machinesOf(const std::vector<ProcessReport> &processes);

/// The number of the process of every device.
std::vector<size_t> processesOf(const std::vector<ProcessReport> &processes);

/// Prints for every device step time, idle time and memory, predicted and measured.
/// `source` is where the costs are from. `stepSeconds` is what every step took.
void printPrediction(const Prediction &prediction, const std::string &source,
                     const std::vector<ProcessReport> &processes,
                     std::vector<double> stepSeconds);

/// The predicted events of one device in the form of those that were measured, such
/// that both end their first step at the same moment. No event begins before the
/// first one that was measured.
DeviceTrace predictedTrace(const Program &program, const Prediction &prediction,
                           size_t device, const std::vector<DeviceTrace> &measured);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRAIN_PREDICTION_H
