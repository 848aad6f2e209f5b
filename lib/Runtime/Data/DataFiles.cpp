//===- DataFiles.cpp - The files that one name of data stands for ------------===//

#include "lib/Runtime/Data/DataFiles.h"

#include "lib/Runtime/Error.h"

#include <algorithm>
#include <filesystem>
#include <fnmatch.h>
#include <glob.h>

using namespace bitpipe;
namespace fs = std::filesystem;

std::string bitpipe::kindOfData(const std::string &path) {
  for (const char *kind : {".safetensors", ".npy", ".bin", ".txt"})
    if (path.ends_with(kind))
      return kind;
  return "";
}

static std::vector<std::string> filesIn(const std::string &folder) {
  std::vector<std::string> files;
  std::error_code error;
  for (fs::directory_iterator i(folder, error), end; !error && i != end; i.increment(error))
    if (std::string path = i->path().string(); !kindOfData(path).empty() && !i->is_directory())
      files.push_back(path);
  if (error)
    fail(folder, ": error: cannot read the data: ", error.message());
  if (files.empty())
    fail(folder, ": error: holds no data, expected files of ", kindsOfData);
  return files;
}

static std::vector<std::string> filesThatFit(const std::string &pattern) {
  glob_t found;
  int result = glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found);
  std::vector<std::string> files(found.gl_pathv, found.gl_pathv + (result == 0 ? found.gl_pathc : 0));
  if (result == 0)
    globfree(&found);
  if (files.empty())
    fail(pattern, ": error: cannot read the data: no file fits the pattern");
  return files;
}

static bool isPattern(const std::string &given) {
  std::error_code none;
  return !fs::exists(given, none) && given.find_first_of("*?[") != given.npos;
}

bool bitpipe::wouldBeData(const std::string &given, const std::string &path) {
  std::error_code none;
  fs::path whole = fs::absolute(path, none).lexically_normal();
  if (fs::is_directory(given, none))
    return !kindOfData(path).empty() && fs::equivalent(given, whole.parent_path(), none);
  fs::path pattern = fs::absolute(given, none).lexically_normal();
  return isPattern(given) && fnmatch(pattern.c_str(), whole.c_str(), FNM_PATHNAME | FNM_PERIOD) == 0;
}

std::vector<std::string> bitpipe::dataFiles(const std::string &given) {
  std::error_code none;
  std::vector<std::string> files;
  if (fs::is_directory(given, none))
    files = filesIn(given);
  else if (isPattern(given))
    files = filesThatFit(given);
  else
    return {given};
  std::ranges::sort(files);
  for (const std::string &file : files)
    if (kindOfData(file) != kindOfData(files.front()))
      fail(given, ": error: stands for ", files.front(), " and ", file,
           ", expected data of one kind");
  return files;
}
