#include "common/config/config.h"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace playmesh::config {

std::optional<std::string> Environment::Find(absl::string_view name) const {
  if (variables_) {
    auto found = variables_->find(name);
    return found == variables_->end() ? std::nullopt : std::optional(found->second);
  }
  const char* value = std::getenv(std::string(name).c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

void Environment::Missing(absl::string_view name) {
  errors_.push_back(absl::StrCat(name, " is not set"));
}

std::string Environment::String(absl::string_view name,
                                const std::optional<std::string>& fallback) {
  std::optional<std::string> value = Find(name);
  if (value) return *value;
  if (!fallback) Missing(name);
  return fallback.value_or("");
}

int64_t Environment::Int(absl::string_view name, std::optional<int64_t> fallback, int64_t min,
                         int64_t max) {
  std::optional<std::string> value = Find(name);
  if (!value) {
    if (!fallback) Missing(name);
    return fallback.value_or(min);
  }
  int64_t number = 0;
  if (!absl::SimpleAtoi(*value, &number) || number < min || number > max) {
    errors_.push_back(absl::StrCat(name, " is not a whole number from ", min, " to ", max));
  }
  return number;
}

absl::Duration Environment::Duration(absl::string_view name,
                                     std::optional<absl::Duration> fallback) {
  std::optional<std::string> value = Find(name);
  if (!value) {
    if (!fallback) Missing(name);
    return fallback.value_or(absl::ZeroDuration());
  }
  absl::Duration duration;
  if (!absl::ParseDuration(*value, &duration) || duration < absl::ZeroDuration()) {
    errors_.push_back(absl::StrCat(name, " is not a duration such as 250ms, 10s or 1h30m"));
  }
  return duration;
}

std::string Environment::File(absl::string_view name, bool required) {
  std::optional<std::string> path = Find(name);
  if (!path) {
    if (required) Missing(name);
    return "";
  }
  std::ifstream file(*path);
  std::ostringstream content;
  content << file.rdbuf();
  if (!file) errors_.push_back(absl::StrCat(name, " names a file that cannot be read: ", *path));
  return std::string(absl::StripTrailingAsciiWhitespace(content.str()));
}

absl::Status Environment::status() const {
  if (errors_.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("configuration: ", absl::StrJoin(errors_, "; ")));
}

}  // namespace playmesh::config
