// Errors: absl::Status everywhere, with the details that a caller may see attached.
//
//   ASSIGN_OR_RETURN(Game game, LoadGame(tx, id));
//   RETURN_IF_ERROR(tx.Execute(…));
//   return Error(absl::StatusCode::kAborted, ERROR_REASON_STALE_ETAG, "the game was changed");
//
// The message of a status that is not INTERNAL or UNKNOWN reaches the caller, so it holds nothing
// internal. Details are those of google/rpc/error_details.proto, kept as the status' payloads under
// their type URLs.
#pragma once

#include <google/protobuf/generated_enum_reflection.h>

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/rpc/error_details.pb.h"

namespace playmesh {

inline const absl::Status& AsStatus(const absl::Status& status) { return status; }
template <typename T>
const absl::Status& AsStatus(const absl::StatusOr<T>& status_or) {
  return status_or.status();
}

// `code` with ErrorInfo {reason, domain "playmesh"}.
absl::Status ErrorWithReason(absl::StatusCode code, absl::string_view reason,
                             absl::string_view message);

// `code` with the reason of a contract's ErrorReason enum: ERROR_REASON_EMAIL_TAKEN becomes
// "EMAIL_TAKEN".
template <typename Reason>
absl::Status Error(absl::StatusCode code, Reason reason, absl::string_view message) {
  absl::string_view name =
      google::protobuf::GetEnumDescriptor<Reason>()->FindValueByNumber(reason)->name();
  return ErrorWithReason(code, name.substr(absl::string_view("ERROR_REASON_").size()), message);
}

// INVALID_ARGUMENT with one BadRequest field violation. `field` is the path in the request, such as
// "game.texts[0].title".
absl::Status InvalidField(absl::string_view field, absl::string_view description);

// INVALID_ARGUMENT with all `violations`; their first five stand in the message too.
absl::Status InvalidFields(const google::rpc::BadRequest& violations);

// Collects all that is wrong with a request.
class Violations {
 public:
  void Add(absl::string_view field, absl::string_view description);
  // OK when nothing is wrong, else InvalidFields.
  absl::Status status() const;

 private:
  google::rpc::BadRequest violations_;
};

// `code` with RetryInfo: try again after `delay`.
absl::Status RetryLater(absl::StatusCode code, absl::Duration delay, absl::string_view message);

// The reason in the status' ErrorInfo; empty when there is none.
std::string ReasonOf(const absl::Status& status);

// Whether trying the same again may succeed without anybody changing anything.
bool IsTransient(const absl::Status& status);

}  // namespace playmesh

#define PLAYMESH_CONCAT_INNER(a, b) a##b
#define PLAYMESH_CONCAT(a, b) PLAYMESH_CONCAT_INNER(a, b)

// Returns the status of `expr` (a Status or StatusOr) from the enclosing function unless it is OK.
#define RETURN_IF_ERROR(expr)                       \
  do {                                              \
    auto&& playmesh_result = (expr);                \
    if (!playmesh_result.ok()) {                    \
      return ::playmesh::AsStatus(playmesh_result); \
    }                                               \
  } while (false)

// Moves the value of `expr` (a StatusOr) into `lhs`, or returns its status from the enclosing
// function.
#define ASSIGN_OR_RETURN(lhs, expr) \
  PLAYMESH_ASSIGN_OR_RETURN(PLAYMESH_CONCAT(playmesh_status_or_, __LINE__), lhs, expr)
#define PLAYMESH_ASSIGN_OR_RETURN(status_or, lhs, expr) \
  auto status_or = (expr);                              \
  if (!status_or.ok()) return status_or.status();       \
  lhs = *std::move(status_or)
