//===- JsonFile.cpp - Values from a JSON file ------------------------------===//

#include "lib/Costs/JsonFile.h"
#include "lib/Transforms/Schedule/Core/Costs.h"
#include "lib/Transforms/Schedule/Core/Text.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"

#include <optional>
#include <vector>

using namespace llvm;
using namespace bitpipe;

/// Whether brackets are nested deeper than any right file's: the parser follows
/// them on its stack.
static bool isDeep(StringRef text) {
  int depth = 0, deepest = 0;
  for (char c : text) {
    depth += (c == '[' || c == '{') - (c == ']' || c == '}');
    deepest = std::max(deepest, depth);
  }
  return deepest > 100;
}

/// A key that an object of this JSON text has twice, or nothing. The parser
/// keeps the last one, and which of them is meant nobody knows.
static std::optional<std::string> findRepeated(StringRef text) {
  std::vector<StringSet<>> objects;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '{')
      objects.emplace_back();
    if (text[i] == '}')
      objects.pop_back();
    if (text[i] != '"')
      continue;
    size_t begin = i;
    for (++i; text[i] != '"'; ++i)
      i += text[i] == '\\';
    if (!text.drop_front(i + 1).ltrim().starts_with(":"))
      continue;
    json::Value key = cantFail(json::parse(text.slice(begin, i + 1)));
    if (!objects.back().insert(*key.getAsString()).second)
      return key.getAsString()->str();
  }
  return std::nullopt;
}

bool JsonFile::parse(json::Value &value) {
  auto buffer = MemoryBuffer::getFile(path);
  if (!buffer) {
    error = "cannot read '" + schedule::oneLine(path) + "': " + buffer.getError().message();
    return false;
  }
  StringRef text = (*buffer)->getBuffer();
  text.consume_front("\xef\xbb\xbf"); // Some editors begin a file with it.
  size_t wrong = 0;
  if (!json::isUTF8(text, &wrong))
    return fail("byte " + Twine(wrong) + " is not UTF-8, expected JSON");
  if (isDeep(text))
    return fail("more than 100 nested brackets, expected JSON with fewer");
  Expected<json::Value> parsed = json::parse(text);
  if (!parsed)
    return fail(toString(parsed.takeError()) + ", expected JSON");
  if (std::optional<std::string> key = findRepeated(text))
    return fail(schedule::quoted(*key) + " comes twice in one {...}, expected it once");
  value = std::move(*parsed);
  return true;
}

std::string JsonFile::show(const json::Value &value) {
  // Strings that another program wrote may hold anything, and JSON may show it.
  std::string text = formatv("{0}", value);
  return text.size() > 40 ? schedule::oneLine(text.substr(0, 37)) + "..."
                          : schedule::oneLine(text);
}

bool JsonFile::takeObject(const json::Value &value, StringRef place,
                          ArrayRef<StringRef> keys,
                          const json::Object *&object) {
  std::string expected = "'" + join(keys, "', '") + "'";
  object = value.getAsObject();
  if (!object)
    return fail(place + " is " + show(value) + ", expected {...} with " +
                expected);
  for (const auto &entry : *object)
    if (!is_contained(keys, StringRef(entry.first)))
      return fail(place + " has " + schedule::quoted(StringRef(entry.first)) +
                  ", expected some of " + expected);
  return true;
}

bool JsonFile::takeNumber(const json::Value &value, const Twine &place,
                          Range range, double &target) {
  std::optional<double> number = value.getAsNumber();
  bool isPositive = range == Range::Positive;
  if (!number || !(*number <= schedule::mostCost) ||
      *number < (isPositive ? schedule::leastCost : 0))
    return fail(place + " is " + show(value) + ", expected a number " +
                (isPositive ? "above 0, 1e-100 to 1e100" : "from 0 to 1e100"));
  target = *number;
  return true;
}

bool JsonFile::takeField(const json::Object &object, StringRef place,
                         StringRef key, Range range, double &target) {
  const json::Value *value = object.get(key);
  return !value || takeNumber(*value, place + ": '" + key + "'", range, target);
}

bool JsonFile::takeIndex(const json::Object &object, StringRef place,
                         StringRef key, int least, int most, int &target) {
  const json::Value *value = object.get(key);
  std::optional<int64_t> number =
      value ? value->getAsInteger() : std::optional<int64_t>();
  if (!number || *number < least || *number > most)
    return fail(place + ": '" + key + "' is " +
                (value ? show(*value) : "missing") +
                ", expected a whole number from " + Twine(least) + " to " +
                Twine(most));
  target = int(*number);
  return true;
}
