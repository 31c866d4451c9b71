// Structured log lines on standard error: JSON in production, readable on a terminal
// (PLAYMESH_LOG_FORMAT=json|text).
//
//   log::Info("order completed", {{"order_id", id}, {"items", 3}});
//
// Fields of the current request (request_id, trace_id, method, subject) are attached. Secrets,
// tokens, addresses and passwords are never logged: there is no filter that would catch them.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <type_traits>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace playmesh::log {

enum class Level { kDebug, kInfo, kWarning, kError };
enum class Format { kText, kJson };

// One field: text, a whole number, a fraction, or yes or no. Durations are written in milliseconds.
struct Field {
  using Value = std::variant<std::string, int64_t, double, bool>;
  template <typename T>
  Field(absl::string_view name, const T& v) : key(name), value(ToValue(v)) {}

  absl::string_view key;
  Value value;

 private:
  static Value ToValue(absl::string_view v) { return std::string(v); }
  static Value ToValue(const char* v) { return std::string(v); }
  static Value ToValue(const absl::Status& v) {
    return v.ToString(absl::StatusToStringMode::kWithNoExtraData);
  }
  static Value ToValue(absl::Duration v) { return absl::ToDoubleMilliseconds(v); }
  static Value ToValue(bool v) { return v; }
  static Value ToValue(double v) { return v; }
  template <typename T>
    requires std::is_integral_v<T>
  static Value ToValue(T v) {
    return static_cast<int64_t>(v);
  }
};

// Called once at start: every line carries `service`; lines below `level` are dropped.
void Configure(absl::string_view service, Format format, Level level);

// Whether lines of this level are written: for what is costly to put together.
bool Enabled(Level level);

void Write(Level level, absl::string_view message, std::initializer_list<Field> fields);

inline void Debug(absl::string_view m, std::initializer_list<Field> f = {}) {
  Write(Level::kDebug, m, f);
}
inline void Info(absl::string_view m, std::initializer_list<Field> f = {}) {
  Write(Level::kInfo, m, f);
}
inline void Warning(absl::string_view m, std::initializer_list<Field> f = {}) {
  Write(Level::kWarning, m, f);
}
inline void Error(absl::string_view m, std::initializer_list<Field> f = {}) {
  Write(Level::kError, m, f);
}

}  // namespace playmesh::log
