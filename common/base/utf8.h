// Text as Unicode counts it; through ICU's macros.
#pragma once

#include <cstddef>

#include "absl/strings/string_view.h"

namespace playmesh {

// Whether `bytes` are well-formed UTF-8 (RFC 3629).
bool IsUtf8(absl::string_view bytes);

// Code points of well-formed UTF-8.
size_t CountCodePoints(absl::string_view text);

}  // namespace playmesh
