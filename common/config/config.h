// Configuration: one struct for each service, read once from the environment.
//
//   struct PaymentConfig {
//     explicit PaymentConfig(config::Environment& env)
//         : provider(env.String("PLAYMESH_PAYMENT_PROVIDER", "sandbox")),
//           reconcile_interval(env.Duration("PLAYMESH_PAYMENT_RECONCILE_INTERVAL",
//           absl::Seconds(2))) {}
//     std::string provider;
//     absl::Duration reconcile_interval;
//   };
//
// A variable without a default is required. Missing and malformed ones are collected, and reported
// all at once by `status()`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace playmesh::config {

class Environment {
 public:
  // Reads the process' environment.
  Environment() = default;
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  // Reads `variables` instead; for tests.
  explicit Environment(absl::flat_hash_map<std::string, std::string> variables)
      : variables_(std::move(variables)) {}

  std::string String(absl::string_view name,
                     const std::optional<std::string>& fallback = std::nullopt);
  // A whole number from `min` to `max`.
  int64_t Int(absl::string_view name, std::optional<int64_t> fallback, int64_t min, int64_t max);
  // Such as "250ms", "10s", "1h30m"; not negative.
  absl::Duration Duration(absl::string_view name,
                          std::optional<absl::Duration> fallback = std::nullopt);
  // The content of the file that the variable names, without trailing white space: how secrets come
  // in. Empty when the variable is not set and `required` is false.
  std::string File(absl::string_view name, bool required = true);

  // INVALID_ARGUMENT that names every variable which was missing or bad, else OK.
  absl::Status status() const;

 private:
  std::optional<std::string> Find(absl::string_view name) const;
  void Missing(absl::string_view name);

  std::optional<absl::flat_hash_map<std::string, std::string>> variables_;
  std::vector<std::string> errors_;
};

}  // namespace playmesh::config
