// Ids and secrets, from OpenSSL's generator.
#pragma once

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace playmesh {

// UUIDv7 (RFC 9562) in canonical form. Ids of one process ascend with `now`, within a millisecond
// too.
std::string NewUuid(absl::Time now);

// The UUIDv5 (RFC 9562) of `name` in `space`, a UUID: the same id whenever it is asked for, for
// what must be made once.
std::string DerivedUuid(absl::string_view space, absl::string_view name);

// Whether `text` is a UUID in canonical lower-case form, of any version.
bool IsUuid(absl::string_view text);

// `size` random bytes.
std::string RandomBytes(size_t size);

// SHA-256 of `data`: 32 bytes.
std::string Sha256(absl::string_view data);

// Whether two strings are equal, in time that depends on their lengths only.
bool EqualInConstantTime(absl::string_view a, absl::string_view b);

}  // namespace playmesh
