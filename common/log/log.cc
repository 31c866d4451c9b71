#include "common/log/log.h"

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/context/context.h"

namespace playmesh::log {
namespace {

struct Settings {
  std::string service = "playmesh";
  Format format = Format::kText;
  Level level = Level::kInfo;
};
Settings settings;

absl::string_view Name(Level level) {
  switch (level) {
    case Level::kDebug:
      return "debug";
    case Level::kInfo:
      return "info";
    case Level::kWarning:
      return "warning";
    case Level::kError:
      return "error";
  }
  return "";
}

nlohmann::ordered_json Fields(std::initializer_list<Field> fields) {
  nlohmann::ordered_json object = nlohmann::ordered_json::object();
  for (const Field& field : fields) {
    std::visit([&](const auto& value) { object[std::string(field.key)] = value; }, field.value);
  }
  const Context& context = CurrentContext();
  if (!context.method.empty()) object["method"] = context.method;
  if (!context.request_id.empty()) object["request_id"] = context.request_id;
  if (!context.trace.trace_id.empty()) object["trace_id"] = context.trace.trace_id;
  if (!context.subject.empty()) object["subject"] = context.subject;
  return object;
}

std::string Dump(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string Json(absl::Time now, Level level, absl::string_view message,
                 const nlohmann::ordered_json& fields) {
  nlohmann::ordered_json line = {
      {"time", absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", now, absl::UTCTimeZone())},
      {"level", std::string(Name(level))},
      {"service", settings.service},
      {"message", std::string(message)}};
  line.update(fields);
  return Dump(line);
}

std::string Text(absl::Time now, Level level, absl::string_view message,
                 const nlohmann::ordered_json& fields) {
  std::string line = absl::StrCat(absl::FormatTime("%H:%M:%E3S", now, absl::LocalTimeZone()), " ",
                                  Name(level), " ", settings.service, ": ", message);
  for (const auto& [key, value] : fields.items())
    absl::StrAppend(&line, " ", key, "=", Dump(value));
  return line;
}

}  // namespace

void Configure(absl::string_view service, Format format, Level level) {
  settings = {std::string(service), format, level};
}

bool Enabled(Level level) { return level >= settings.level; }

void Write(Level level, absl::string_view message, std::initializer_list<Field> fields) {
  if (!Enabled(level)) return;
  const absl::Time now = absl::Now();
  const nlohmann::ordered_json object = Fields(fields);
  std::string line = settings.format == Format::kJson ? Json(now, level, message, object)
                                                      : Text(now, level, message, object);
  line += '\n';
  // One write, so that lines of several threads do not mix. Nothing can be done when it fails.
  [[maybe_unused]] ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace playmesh::log
