// What belongs to the request or event that a thread is working on: deadline, ids for logs and
// traces, headers.
//
// The adapter (common/rpc) and the consumer (common/events) set it; the database takes its
// statement timeout from it, the logger its fields, and calls to other services their deadline and
// trace.
#pragma once

#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace playmesh {

// W3C Trace Context (level 1), version 00.
struct TraceContext {
  std::string trace_id;  // 32 hex digits
  std::string span_id;   // 16 hex digits
  bool sampled = true;

  // Reads a traceparent header. Begins a new trace when it is missing or malformed, as the
  // recommendation asks.
  static TraceContext FromHeader(absl::string_view traceparent);
  // The same trace with a new span id.
  TraceContext NewSpan() const;
  std::string ToHeader() const;
};

struct Context {
  absl::Time deadline = absl::InfiniteFuture();
  std::string request_id;  // of the edge's x-request-id, else made here
  TraceContext trace;
  std::string method;   // "/playmesh.catalog.v1.CatalogService/GetGame", or an event's type
  std::string subject;  // user id or "service:purchase"; empty when nobody is signed in
  absl::flat_hash_map<std::string, std::string> headers;  // those of common/rpc/headers.h
};

// The context of this thread; an empty one with no deadline outside of requests.
const Context& CurrentContext();

// Makes `context` the current one of this thread for a scope. `context` must outlive it.
class ScopedContext {
 public:
  explicit ScopedContext(const Context& context);
  ~ScopedContext();
  ScopedContext(const ScopedContext&) = delete;
  ScopedContext& operator=(const ScopedContext&) = delete;

 private:
  const Context* previous_;
};

}  // namespace playmesh
