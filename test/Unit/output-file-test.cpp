//===- output-file-test.cpp - Files are whole or not there ----------------===//

#include "lib/Files/Error.h"
#include "lib/Files/OutputFile.h"
#include "lib/Files/Process.h"
#include "lib/Files/WrittenBy.h"
#include "test/Unit/check.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace bitpipe;
namespace fs = std::filesystem;

namespace {

std::string read(const fs::path &path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

void put(const fs::path &path, const std::string &text) {
  std::ofstream(path, std::ios::binary) << text;
}

void write(const std::string &path, const std::string &text) {
  OutputFile file(path);
  file.write(text);
  file.commit();
}

std::string errorOf(const std::function<void()> &work) {
  try {
    work();
  } catch (const WriteError &error) {
    return error.what();
  }
  return "";
}

mode_t modeOf(const fs::path &path) {
  struct stat there;
  return stat(path.c_str(), &there) == 0 ? there.st_mode & 07777 : 0;
}

/// Every test has a folder of its own and must leave these names in it.
void expectNames(const fs::path &folder, std::vector<std::string> names) {
  std::vector<std::string> got;
  for (const auto &entry : fs::directory_iterator(folder))
    got.push_back(entry.path().filename());
  std::ranges::sort(got);
  std::ranges::sort(names);
  std::string list;
  for (const std::string &name : got)
    list += " " + name;
  check(got == names, folder.string() + " holds" + list);
}

void testReplace(const fs::path &folder) {
  umask(027);
  write(folder / "new", "one");
  check(read(folder / "new") == "one" && modeOf(folder / "new") == 0640, "a new file");
  fs::permissions(folder / "new", fs::perms(0600));
  write(folder / "new", "two");
  check(read(folder / "new") == "two" && modeOf(folder / "new") == 0600, "mode kept");
  { OutputFile(folder / "new").write("three"); }
  check(read(folder / "new") == "two", "not committed: as before");
  expectNames(folder, {"new"});
}

void testLinks(const fs::path &folder) {
  fs::create_directory(folder / "else");
  put(folder / "else/target", "old");
  fs::create_symlink("else/target", folder / "link");
  fs::create_symlink("link", folder / "link to link");
  write(folder / "link to link", "new");
  check(fs::is_symlink(folder / "link") && read(folder / "else/target") == "new", "link followed");
  fs::create_symlink("else/later", folder / "dangling");
  write(folder / "dangling", "made");
  check(fs::is_symlink(folder / "dangling") && read(folder / "else/later") == "made", "no target yet");
  fs::create_symlink("loop", folder / "loop");
  check(errorOf([&] { write(folder / "loop", "x"); }).ends_with("Too many levels of symbolic links"), "loop");
  expectNames(folder / "else", {"later", "target"});
}

void testNames(const fs::path &folder) {
  std::string longest(255, 'n');
  write(folder / longest, "x");
  check(read(folder / longest) == "x", "a name of 255 bytes");
  check(errorOf([&] { write(folder / (longest + "n"), "x"); }).ends_with("cannot write: File name too long"),
        "a name too long");
  fs::current_path(folder);
  write("here", "x");
  expectNames(folder, {longest, "here"});
}

void testErrors(const fs::path &folder) {
  std::string there = folder / "there";
  put(there, "old");
  check(errorOf([&] { write(folder / "no/file", "x"); }) ==
            (folder / "no/file").string() + ": error: cannot write: No such file or directory", "no folder");
  check(errorOf([&] { write(folder, "x"); }).find("no regular file") != std::string::npos, "a folder");
  check(errorOf([&] { write("/dev/full", "x"); }).find("no regular file") != std::string::npos, "a device");
  rlimit before, limit;
  getrlimit(RLIMIT_FSIZE, &before);
  limit = before;
  limit.rlim_cur = 4096;
  setrlimit(RLIMIT_FSIZE, &limit);
  std::string tooMuch = errorOf([&] { write(there, std::string(1 << 20, 'x')); });
  setrlimit(RLIMIT_FSIZE, &before);
  check(tooMuch == there + ": error: cannot write: File too large", "past the limit: " + tooMuch);
  check(read(there) == "old", "an error keeps what was there");
  expectNames(folder, {"there"});
}

/// None gets its name where one cannot be brought to the disk.
void testTogether(const fs::path &folder) {
  auto both = [&](size_t bytes) {
    OutputFile a(folder / "a"), b(folder / "b");
    a.write("a");
    b.write(std::string(bytes, 'b'));
    OutputFile::commit({&a, &b});
  };
  both(1);
  expectNames(folder, {"a", "b"});
  put(folder / "a", "old");
  fs::remove(folder / "b");
  rlimit before, limit;
  getrlimit(RLIMIT_FSIZE, &before);
  limit = before;
  limit.rlim_cur = 100;
  setrlimit(RLIMIT_FSIZE, &limit);
  std::string error = errorOf([&] { both(1000); }); // is in the buffer until then
  setrlimit(RLIMIT_FSIZE, &before);
  check(error.ends_with("File too large") && read(folder / "a") == "old", "none of several: " + error);
  expectNames(folder, {"a"});
}

/// A signal while the file is written, and one while it is renamed.
void testSignals(const fs::path &folder) {
  for (int number : {SIGTERM, SIGINT, SIGHUP, SIGSEGV, SIGABRT}) {
    pid_t child = fork();
    if (child == 0) {
      rlimit none{0, 0};
      setrlimit(RLIMIT_CORE, &none);
      std::signal(number, SIG_DFL);
      removeTemporariesOnSignals();
      OutputFile file(folder / "never");
      raise(number);
      _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    check(WIFSIGNALED(status) && WTERMSIG(status) == number, "ends by signal " + std::to_string(number));
  }
  expectNames(folder, {});
  pid_t child = fork();
  if (child == 0) {
    std::signal(SIGTERM, SIG_DFL);
    removeTemporariesOnSignals();
    {
      Uninterrupted whileBothAreWritten;
      raise(SIGTERM);
      write(folder / "first", "1");
      write(folder / "second", "2");
    }
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  check(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM, "the signal comes afterwards");
  expectNames(folder, {"first", "second"});
}

std::string weights(const std::string &header) {
  uint64_t length = header.size();
  return std::string(reinterpret_cast<char *>(&length), sizeof(length)) + header + "data";
}

void testOwner(const fs::path &folder) {
  const std::string file = folder / "file";
  auto replaces = [&](FileKind kind) { return errorOf([&] { refuseToReplace(file, kind); }).empty(); };
  std::string library(mark::library), elf = "\x7f" "ELF code";
  using enum FileKind;
  const std::vector<std::pair<FileKind, std::string>> own = {
      {IR, std::string(mark::ir) + "module {}"},
      {Picture, std::string(mark::svg) + "<svg/>"},
      {Kernels, elf + library},
      {Weights, weights(R"({"__metadata__":{"format":"pt","written_by":"bitpipe"},"w":{}})")},
      {Trace, R"({"otherData":{"written_by":"bitpipe"},"traceEvents":[]})"},
      {Metrics, R"({"step": 1, "loss": null, "grad_norm": 2, "tokens_per_second": 3, "step_seconds": 4})"}};
  for (const auto &[kind, contents] : own) {
    put(file, contents);
    check(writtenByBitpipe(file) == kind, "its own: " + contents);
    for (FileKind other : {IR, Picture, Kernels, Weights, Trace, Metrics, Unmarked})
      check(replaces(other) == (other == kind), "one kind replaces another: " + contents);
  }
  for (const std::string &contents :
       {std::string("module {}"), std::string("<svg/>"), elf, elf + library + " ", "code" + library,
        weights(R"({"__metadata__":{"format":"pt"},"w":{}})"), weights(R"({"\"written_by\":\"bitpipe\"":{}})"),
        weights("{}") + R"("written_by":"bitpipe")", std::string("\xff\xff\xff\xff\xff\xff\xff\xff{"),
        std::string(R"({"traceEvents":[{"written_by":"bitpipe"}]})"), std::string(R"({"step": 1, "loss": 2})"),
        "note\n" + std::string(mark::ir), std::string("0F0,0B0\n")}) {
    put(file, contents);
    check(!writtenByBitpipe(file) && !replaces(IR) && !replaces(Unmarked), "not its own: " + contents);
  }
  put(file, "");
  check(!writtenByBitpipe(file) && replaces(IR), "an empty file");
  check(!writtenByBitpipe(folder / "none") && !writtenByBitpipe(folder), "no file");
}

} // namespace

int main(int, char **arguments) {
  prepareForFiles();
  int count = 0;
  for (auto test : {testReplace, testLinks, testNames, testErrors, testTogether, testSignals, testOwner}) {
    fs::path folder = fs::absolute(arguments[1]) / std::to_string(count++);
    fs::create_directory(folder);
    test(folder);
  }
  return failures != 0;
}
