//===- SaveParameters.cpp - All parameters into one file --------------------===//
//
// Rank 0 makes the file with its header and gives it its name in the end; between
// that every rank writes what its devices own.
//
//===----------------------------------------------------------------------===//

#include "lib/Files/FilePart.h"
#include "lib/Files/OutputFile.h"
#include "lib/Runtime/Launch/Agree.h"
#include "lib/Runtime/Train/Parameters.h"

#include <optional>

using namespace bitpipe;

/// A parameter is saved where it is owned, or at rank 0 if no device has it.
bool Parameters::isMine(const Parameter &parameter) const {
  auto found = homes.find(parameter.name);
  if (found == homes.end())
    return world.speaks();
  if (found->second.owner < 0 && parameter.type.elements() > 0)
    fail(program.path, ": error: parameter '", parameter.name,
         "' belongs to no device, expected one that saves it");
  return devices.holds(found->second.owner);
}

/// Of every parameter under its name, then under its aliases.
std::vector<TensorEntry> Parameters::entries() const {
  std::vector<TensorEntry> entries;
  for (const Parameter &parameter : program.parameters) {
    int64_t bytes = parameter.type.elements() * sizeOf(parameter.stored);
    auto add = [&](const std::string &name) {
      entries.push_back(
          {name, nameOf(parameter.stored), parameter.type.shape, bytes});
    };
    add(parameter.name);
    for (const std::string &alias : parameter.aliases)
      add(alias);
  }
  return entries;
}

/// Reads from the owner and writes in the type of the model's file, a piece at a
/// time.
void Parameters::writeTensor(FilePart &file, int64_t offset,
                             const Parameter &parameter) {
  constexpr int64_t piece = 1 << 20;
  std::vector<char> values(piece * sizeof(float)), converted(piece * 8);
  auto found = homes.find(parameter.name);
  for (int64_t done = 0; done < parameter.type.elements(); done += piece) {
    int64_t count = std::min(piece, parameter.type.elements() - done);
    int64_t at = done * sizeof(float), bytes = count * sizeof(float);
    if (found == homes.end())
      std::copy_n(unreadValues[parameter.name].data() + at, bytes, values.data());
    else
      for (const Place &place : found->second.places)
        if (place.device == found->second.owner) {
          devices[place.device].download(place.slot, place.offset + at,
                                         values.data(), bytes);
          break;
        }
    writeFloats(parameter.stored, values.data(), converted.data(), count);
    file.write(offset + done * sizeOf(parameter.stored), converted.data(),
               count * sizeOf(parameter.stored));
  }
}

void Parameters::writeMine(FilePart &file, int64_t offset) {
  for (const Parameter &parameter : program.parameters) {
    int64_t bytes = parameter.type.elements() * sizeOf(parameter.stored);
    bool mine = isMine(parameter);
    for (size_t name = 0; name <= parameter.aliases.size(); ++name) {
      if (mine)
        writeTensor(file, offset, parameter);
      offset += bytes;
    }
  }
  file.sync();
}

/// Makes the file; "" at the other ranks.
static std::string create(std::optional<OutputFile> &file,
                          const std::string &path, const std::string &header,
                          int64_t bytes) {
  file.emplace(path);
  file->write(header);
  file->resize(header.size() + bytes);
  return file->temporaryPath();
}

void Parameters::save(const std::string &path) {
  std::vector<TensorEntry> tensors = entries();
  std::string header = safetensorsHeader(tensors);
  int64_t bytes = 0;
  for (const TensorEntry &tensor : tensors)
    bytes += tensor.bytes;

  std::optional<OutputFile> file;
  std::string temporary;
  agree(world, [&] {
    if (world.speaks())
      temporary = create(file, path, header, bytes);
  });
  temporary = world.broadcast(temporary);
  agree(world, [&] {
    FilePart part(temporary, path);
    writeMine(part, header.size());
  });
  agree(world, [&] {
    if (file)
      file->commit();
  });
}
