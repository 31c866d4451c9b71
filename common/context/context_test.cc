#include "common/context/context.h"

#include <catch2/catch.hpp>

namespace playmesh {

TEST_CASE("A traceparent goes through unchanged, with a new span for each step") {
  const std::string header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  const TraceContext trace = TraceContext::FromHeader(header);
  CHECK(trace.ToHeader() == header);
  const TraceContext next = trace.NewSpan();
  CHECK(next.trace_id == trace.trace_id);
  CHECK(next.span_id != trace.span_id);
}

TEST_CASE("A malformed traceparent begins a new trace") {
  for (const char* header : {"", "junk", "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                             "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"}) {
    CHECK(TraceContext::FromHeader(header).trace_id.size() == 32);
    CHECK(TraceContext::FromHeader(header).ToHeader() != header);
  }
}

TEST_CASE("A scoped context ends with its scope") {
  Context context;
  context.request_id = "inner";
  {
    ScopedContext scope(context);
    CHECK(CurrentContext().request_id == "inner");
  }
  CHECK(CurrentContext().request_id.empty());
  CHECK(CurrentContext().deadline == absl::InfiniteFuture());
}

}  // namespace playmesh
