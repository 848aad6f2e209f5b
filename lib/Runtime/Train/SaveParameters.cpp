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
void Parameters::checkOwned(const Parameter &parameter) const {
  auto found = homes.find(parameter.name);
  if (found != homes.end() && found->second.saved != parameter.type.bytes())
    fail(program.path, ": error: parameter '", parameter.name,
         found->second.saved ? "' belongs in part to no device, expected one that saves it"
                             : "' belongs to no device, expected one that saves it");
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

/// What this process owns of it.
void Parameters::writeTensor(FilePart &file, int64_t offset, const Parameter &parameter) {
  auto found = homes.find(parameter.name);
  if (found == homes.end()) {
    if (world.speaks())
      writePart(file, offset, parameter, nullptr);
    return;
  }
  for (const Place &place : found->second.places)
    if (place.isSaved)
      writePart(file, offset, parameter, &place);
}

/// Reads from the owner, or what no device computes with, and writes in the type of the
/// model's file, a piece at a time.
void Parameters::writePart(FilePart &file, int64_t offset, const Parameter &parameter,
                           const Place *place) {
  constexpr int64_t piece = 1 << 20, size = sizeof(float);
  std::vector<char> values(piece * size), converted(piece * 8);
  int64_t first = place ? place->part.begin / size : 0;
  int64_t end = place ? first + place->part.bytes / size : parameter.type.elements();
  for (int64_t done = first; done < end; done += piece) {
    int64_t count = std::min(piece, end - done), bytes = count * size;
    if (place)
      devices[place->device].download(place->slot, place->part.offset + (done - first) * size,
                                      values.data(), bytes);
    else
      std::copy_n(unreadValues[parameter.name].data() + done * size, bytes, values.data());
    writeFloats(parameter.stored, values.data(), converted.data(), count);
    file.write(offset + done * sizeOf(parameter.stored), converted.data(),
               count * sizeOf(parameter.stored));
  }
}

void Parameters::writeMine(FilePart &file, int64_t offset) {
  for (const Parameter &parameter : program.parameters) {
    int64_t bytes = parameter.type.elements() * sizeOf(parameter.stored);
    checkOwned(parameter);
    for (size_t name = 0; name <= parameter.aliases.size(); ++name) {
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
