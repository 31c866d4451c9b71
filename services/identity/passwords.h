// Passwords: which are accepted (NIST SP 800-63B, section 5.1.1.2), and how they are kept
// (Argon2id, RFC 9106, with the parameters of the OWASP Password Storage Cheat Sheet).
//
// Both take passwords in the form that Nfkc() gives them.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace playmesh::identity {

// Whether `password` is one of the most common, in whatever case.
bool IsCommonPassword(absl::string_view password);

// Makes and checks hashes, each of which takes 19 MiB and some 20 ms of a core. Thread-safe. Not
// inside a database transaction, which would hold a connection meanwhile.
class PasswordHasher {
 public:
  // Works on `concurrency` hashes at a time; other threads wait for their turn until the deadline
  // of the current context, five seconds at most, and then get RESOURCE_EXHAUSTED.
  explicit PasswordHasher(int concurrency);

  // The encoded form, with a new salt.
  absl::StatusOr<std::string> Hash(absl::string_view password);

  // Whether `encoded` is of `password`. Without `encoded`: false, at the same cost.
  absl::StatusOr<bool> Verify(absl::string_view password,
                              const std::optional<std::string>& encoded);

 private:
  // Runs one function of libargon2 and returns its code.
  absl::StatusOr<int> Run(const std::function<int()>& argon2);

  const std::string decoy_;
  std::mutex mutex_;
  std::condition_variable freed_;
  int free_;
};

}  // namespace playmesh::identity
