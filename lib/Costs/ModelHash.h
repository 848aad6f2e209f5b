//===- ModelHash.h - Which model costs are of --------------------*- C++ -*-===//
//
// A profile of one model says nothing of another one, and would be taken without a word where
// both have as many stages. So a file of costs that was measured or counted names its model, by
// what is the same at every level and under every plan: its parameters.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_COSTS_MODELHASH_H
#define BITPIPE_COSTS_MODELHASH_H

#include "lib/Runtime/Hash.h"
#include "lib/Transforms/Schedule/Core/Costs.h"
#include "lib/Transforms/Schedule/Core/Text.h"

#include <algorithm>
#include <string>
#include <vector>

namespace bitpipe {

struct NamedShape {
  std::string name;
  std::vector<int64_t> shape;
};

/// Of the names and shapes of a model's parameters, trained or not, in any order.
inline std::string modelHash(std::vector<NamedShape> parameters) {
  std::sort(parameters.begin(), parameters.end(),
            [](const NamedShape &a, const NamedShape &b) { return a.name < b.name; });
  std::string text;
  for (const NamedShape &parameter : parameters) {
    text += parameter.name + '\0';
    for (int64_t size : parameter.shape)
      text += std::to_string(size) + ' ';
    text += '\n';
  }
  return hashBytes(text.data(), text.size());
}

/// What is wrong with costs from a file for the model with this hash, which is empty where no
/// model is known, if anything is.
inline std::optional<schedule::Error> checkModel(const schedule::Costs &costs, const std::string &model,
                                                 const std::string &file) {
  if (costs.model.empty() || model.empty() || costs.model == model)
    return std::nullopt;
  return schedule::Error{schedule::oneLine(file) + ": is of another model: 'model' is \"" + costs.model +
                         "\", expected \"" + model +
                         "\", which follows from the parameters, or none in a file for any model"};
}

} // namespace bitpipe

#endif // BITPIPE_COSTS_MODELHASH_H
