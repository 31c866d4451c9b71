#include "common/base/utf8.h"

#include <unicode/utf8.h>

namespace playmesh {

bool IsUtf8(absl::string_view bytes) {
  const int32_t length = static_cast<int32_t>(bytes.size());
  for (int32_t i = 0; i < length;) {
    UChar32 c;
    U8_NEXT(bytes.data(), i, length, c);
    if (c < 0) return false;
  }
  return true;
}

size_t CountCodePoints(absl::string_view text) {
  size_t count = 0;
  for (char c : text) count += U8_IS_TRAIL(c) ? 0 : 1;
  return count;
}

}  // namespace playmesh
