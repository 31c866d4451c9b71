#include "common/context/context.h"

#include <algorithm>
#include <vector>

#include "absl/random/random.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace playmesh {
namespace {

thread_local const Context* current = nullptr;

bool IsHexId(absl::string_view text, size_t size) {
  return text.size() == size && text.find_first_not_of('0') != absl::string_view::npos &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f'); });
}

// Trace ids must be unique, not secret, so the fast generator does.
std::string NewHexId(size_t bytes) {
  static thread_local absl::BitGen random;
  std::string id;
  for (size_t i = 0; i < bytes; i += 8) {
    absl::StrAppend(&id, absl::Hex(absl::Uniform<uint64_t>(random), absl::kZeroPad16));
  }
  return id;
}

}  // namespace

TraceContext TraceContext::FromHeader(absl::string_view traceparent) {
  std::vector<absl::string_view> parts = absl::StrSplit(traceparent, '-');
  if (parts.size() == 4 && parts[0] == "00" && IsHexId(parts[1], 32) && IsHexId(parts[2], 16) &&
      parts[3].size() == 2) {
    return {std::string(parts[1]), std::string(parts[2]), (parts[3][1] & 1) != 0};
  }
  return {NewHexId(16), NewHexId(8), true};
}

TraceContext TraceContext::NewSpan() const { return {trace_id, NewHexId(8), sampled}; }

std::string TraceContext::ToHeader() const {
  return absl::StrCat("00-", trace_id, "-", span_id, sampled ? "-01" : "-00");
}

const Context& CurrentContext() {
  static const Context none;
  return current != nullptr ? *current : none;
}

ScopedContext::ScopedContext(const Context& context) : previous_(current) { current = &context; }
ScopedContext::~ScopedContext() { current = previous_; }

}  // namespace playmesh
