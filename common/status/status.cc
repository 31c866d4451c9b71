#include "common/status/status.h"

#include <google/protobuf/message.h>

#include <algorithm>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"

namespace playmesh {
namespace {

constexpr absl::string_view kTypePrefix = "type.googleapis.com/";
constexpr int kViolationsInMessage = 5;
constexpr size_t kMaxViolationBytes = 200;

// Cuts text at a character's boundary: errors travel in headers, whose size clients limit.
void Shorten(std::string& text) {
  if (text.size() <= kMaxViolationBytes) return;
  size_t end = kMaxViolationBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  text.resize(end);
  text += "…";
}

void Attach(absl::Status& status, const google::protobuf::Message& detail) {
  status.SetPayload(absl::StrCat(kTypePrefix, detail.GetDescriptor()->full_name()),
                    absl::Cord(detail.SerializeAsString()));
}

}  // namespace

absl::Status ErrorWithReason(absl::StatusCode code, absl::string_view reason,
                             absl::string_view message) {
  absl::Status status(code, message);
  google::rpc::ErrorInfo info;
  info.set_reason(std::string(reason));
  info.set_domain("playmesh");
  Attach(status, info);
  return status;
}

absl::Status InvalidField(absl::string_view field, absl::string_view description) {
  Violations violations;
  violations.Add(field, description);
  return violations.status();
}

void Violations::Add(absl::string_view field, absl::string_view description) {
  auto* violation = violations_.add_field_violations();
  violation->set_field(std::string(field));
  violation->set_description(std::string(description));
}

absl::Status Violations::status() const {
  return violations_.field_violations().empty() ? absl::OkStatus() : InvalidFields(violations_);
}

absl::Status InvalidFields(const google::rpc::BadRequest& given) {
  google::rpc::BadRequest violations = given;
  for (auto& violation : *violations.mutable_field_violations()) {
    Shorten(*violation.mutable_field());
    Shorten(*violation.mutable_description());
  }
  std::string message;
  const int shown = std::min(violations.field_violations_size(), kViolationsInMessage);
  for (int i = 0; i < shown; ++i) {
    const auto& violation = violations.field_violations(i);
    absl::StrAppend(&message, i == 0 ? "" : "; ", violation.field(), ": ", violation.description());
  }
  if (shown < violations.field_violations_size()) {
    absl::StrAppend(&message, "; and ", violations.field_violations_size() - shown, " more");
  }
  absl::Status status = absl::InvalidArgumentError(message);
  Attach(status, violations);
  return status;
}

absl::Status RetryLater(absl::StatusCode code, absl::Duration delay, absl::string_view message) {
  absl::Status status(code, message);
  google::rpc::RetryInfo info;
  const absl::Duration whole = absl::Floor(delay, absl::Seconds(1));
  info.mutable_retry_delay()->set_seconds(absl::ToInt64Seconds(whole));
  info.mutable_retry_delay()->set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(delay - whole)));
  Attach(status, info);
  return status;
}

std::string ReasonOf(const absl::Status& status) {
  auto payload = status.GetPayload(
      absl::StrCat(kTypePrefix, google::rpc::ErrorInfo::descriptor()->full_name()));
  google::rpc::ErrorInfo info;
  if (payload && info.ParseFromString(std::string(*payload))) return info.reason();
  return "";
}

bool IsTransient(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kCancelled:
      return true;
    default:
      return false;
  }
}

}  // namespace playmesh
