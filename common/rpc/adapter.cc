#include "common/rpc/adapter.h"

#include <grpcpp/server_context.h>
#include <grpcpp/support/slice.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/log/log.h"
#include "common/rpc/convert.h"
#include "common/rpc/headers.h"
#include "common/rpc/validate.h"
#include "common/status/status.h"

namespace playmesh::rpc {
namespace {

constexpr absl::Duration kSlow = absl::Seconds(1);
constexpr absl::Duration kRetryDelay = absl::Milliseconds(250);
constexpr size_t kMaxHeaderBytes = 8 * 1024;
constexpr size_t kMaxRequestIdBytes = 128;

// Names of gRPC's codes, by number, as its specification writes them.
constexpr std::array<const char*, 17> kCodeNames = {
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};

std::string Header(const Context& context, absl::string_view name) {
  auto found = context.headers.find(name);
  return found == context.headers.end() ? "" : found->second;
}

// One contiguous copy of a message's bytes.
std::string Flatten(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!buffer.Dump(&slices).ok()) return bytes;
  bytes.reserve(buffer.Length());
  for (const grpc::Slice& slice : slices)
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return bytes;
}

options::v1::Access AccessOf(const Service& service, const Method& method) {
  const auto* descriptor = google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(
      absl::StrCat(service.name(), ".", method.name));
  return descriptor == nullptr ? options::v1::Access()
                               : descriptor->options().GetExtension(options::v1::access);
}

// An id from outside goes into logs, so it is kept short and plain.
std::string SafeRequestId(std::string id, const TraceContext& trace) {
  const bool plain = !id.empty() && id.size() <= kMaxRequestIdBytes &&
                     std::all_of(id.begin(), id.end(), [](char c) {
                       return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.';
                     });
  return plain ? id : trace.trace_id;
}

}  // namespace

MethodAdapter::MethodAdapter(const Service& service, const Method& method, AdapterDeps& deps)
    : method_(method),
      deps_(deps),
      path_(absl::StrCat("/", service.name(), "/", method.name)),
      access_(AccessOf(service, method)),
      latency_(observe::Latency("rpc_duration_seconds", "Time in the handler and its wrapping.",
                                {{"method", path_}})) {
  for (size_t code = 0; code < kCodeNames.size(); ++code) {
    by_code_[code] = &observe::Counter("rpc_requests_total", "Calls answered.",
                                       {{"method", path_}, {"code", kCodeNames[code]}});
  }
}

Context MethodAdapter::MakeContext(const grpc::CallbackServerContext& call) const {
  Context context;
  const auto& metadata = call.client_metadata();
  for (const char* name : kKeptHeaders) {
    auto found = metadata.find(name);
    if (found == metadata.end() || found->second.size() > kMaxHeaderBytes) continue;
    context.headers.emplace(name, std::string(found->second.data(), found->second.size()));
  }
  const absl::Time now = absl::Now();
  const absl::Time asked = absl::FromChrono(call.deadline());
  const bool unlimited = asked > now + absl::Hours(24 * 365);
  context.deadline = unlimited ? now + deps_.options.default_timeout
                               : std::min(asked, now + deps_.options.max_timeout);
  context.method = path_;
  const std::string traceparent = Header(context, kTraceparentHeader);
  context.trace = TraceContext::FromHeader(traceparent);
  if (!traceparent.empty()) context.trace = context.trace.NewSpan();
  context.request_id = SafeRequestId(Header(context, kRequestIdHeader), context.trace);
  return context;
}

absl::StatusOr<Caller> MethodAdapter::Authenticate(const Context& context) const {
  if (access_.has_internal()) {
    Caller caller;
    ASSIGN_OR_RETURN(caller.service, deps_.services.Verify(Header(context, kServiceTokenHeader)));
    return caller;
  }
  const std::string header = Header(context, kAuthorizationHeader);
  absl::string_view token = header;
  const bool has_token =
      absl::ConsumePrefix(&token, "Bearer ") || absl::ConsumePrefix(&token, "bearer ");
  if (!has_token) {
    if (access_.public_()) return Caller();
    return absl::UnauthenticatedError("an access token is required");
  }
  absl::StatusOr<Caller> caller = deps_.access.Verify(token);
  if (!caller.ok() && access_.public_()) return Caller();
  return caller;
}

absl::Status MethodAdapter::Authorize(const Caller& caller) const {
  switch (access_.rule_case()) {
    case options::v1::Access::kPublic:
      return absl::OkStatus();
    case options::v1::Access::kSignedIn:
      return caller.signed_in() ? absl::OkStatus()
                                : absl::UnauthenticatedError("an access token is required");
    case options::v1::Access::kPermission:
      if (caller.Has(access_.permission())) return absl::OkStatus();
      return absl::PermissionDeniedError(
          absl::StrCat("the permission ", access_.permission(), " is required"));
    case options::v1::Access::kInternal: {
      const auto& callers = access_.internal().callers();
      if (std::find(callers.begin(), callers.end(), caller.service) != callers.end())
        return absl::OkStatus();
      return absl::PermissionDeniedError("this call is for other services of the mesh");
    }
    case options::v1::Access::RULE_NOT_SET:
      break;
  }
  return absl::PermissionDeniedError("nobody may call this");
}

grpc::Status MethodAdapter::Conclude(const absl::Status& status, absl::Time start) {
  const absl::Duration elapsed = absl::Now() - start;
  latency_.Observe(absl::ToDoubleSeconds(elapsed));
  const grpc::Status converted = ToGrpc(status);
  by_code_[std::clamp<int>(converted.error_code(), 0, 16)]->Increment();
  switch (status.code()) {
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kDataLoss:
      log::Error("call failed", {{"duration_ms", elapsed}, {"error", status}});
      break;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      log::Warning("call failed", {{"duration_ms", elapsed}, {"error", status}});
      break;
    default:
      if (elapsed > kSlow) {
        log::Warning("slow call",
                     {{"duration_ms", elapsed}, {"code", kCodeNames[converted.error_code()]}});
      } else if (log::Enabled(log::Level::kDebug)) {
        log::Debug("call",
                   {{"duration_ms", elapsed}, {"code", kCodeNames[converted.error_code()]}});
      }
  }
  return converted;
}

template <typename Handler>
grpc::Status MethodAdapter::Run(Context context, const grpc::ByteBuffer& request, Handler handler) {
  const absl::Time start = absl::Now();
  ScopedContext scope(context);
  if (context.deadline <= start)
    return Conclude(absl::DeadlineExceededError("no time left"), start);
  absl::StatusOr<Caller> caller = Authenticate(context);
  if (!caller.ok()) return Conclude(caller.status(), start);
  context.subject = caller->subject();
  absl::Status status = Authorize(*caller);
  if (!status.ok()) return Conclude(status, start);

  std::unique_ptr<google::protobuf::Message> message(method_.request_type->New());
  status = Parse(Flatten(request), *message);
  if (status.ok()) status = Validate(*message);
  if (!status.ok()) return Conclude(status, start);
  try {
    return Conclude(handler(*caller, *message), start);
  } catch (const std::exception& e) {
    log::Error("handler threw", {{"error", e.what()}});
    return Conclude(absl::InternalError("exception"), start);
  }
}

grpc::Status MethodAdapter::RunUnary(Context context, const grpc::ByteBuffer& request,
                                     grpc::ByteBuffer& response) {
  return Run(std::move(context), request,
             [&](const Caller& caller, const google::protobuf::Message& message) {
               std::string bytes;
               absl::Status status = method_.unary(caller, message, bytes);
               if (status.ok()) {
                 const grpc::Slice slice(bytes);
                 response = grpc::ByteBuffer(&slice, 1);
               }
               return status;
             });
}

grpc::Status MethodAdapter::RunStream(Context context, const grpc::ByteBuffer& request,
                                      std::shared_ptr<StreamSink> sink, absl::Time& expire) {
  return Run(std::move(context), request,
             [&](const Caller& caller, const google::protobuf::Message& message) {
               expire = caller.token_expire_time;
               return method_.stream(caller, message, std::move(sink));
             });
}

grpc::Status MethodAdapter::Refuse() {
  by_code_[grpc::StatusCode::RESOURCE_EXHAUSTED]->Increment();
  return ToGrpc(
      RetryLater(absl::StatusCode::kResourceExhausted, kRetryDelay, "too busy, try again later"));
}

}  // namespace playmesh::rpc
