#include "common/base/random.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <cstdint>
#include <cstdlib>
#include <mutex>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace playmesh {
namespace {

// Sets version and variant, and writes 16 bytes in canonical form.
std::string FormatUuid(std::string bytes, int version) {
  bytes[6] = static_cast<char>((bytes[6] & 0x0f) | (version << 4));
  bytes[8] = static_cast<char>((bytes[8] & 0x3f) | 0x80);
  const std::string hex = absl::BytesToHexString(bytes);
  return absl::StrCat(hex.substr(0, 8), "-", hex.substr(8, 4), "-", hex.substr(12, 4), "-",
                      hex.substr(16, 4), "-", hex.substr(20));
}

std::string Digest(const EVP_MD* algorithm, absl::string_view data) {
  std::string digest(EVP_MD_get_size(algorithm), '\0');
  EVP_Digest(data.data(), data.size(), reinterpret_cast<unsigned char*>(digest.data()), nullptr,
             algorithm, nullptr);
  return digest;
}

}  // namespace

std::string RandomBytes(size_t size) {
  std::string bytes(size, '\0');
  // Without randomness nothing may go on.
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(size)) != 1)
    std::abort();
  return bytes;
}

std::string NewUuid(absl::Time now) {
  // RFC 9562, method 1: a counter in the 12 bits after the milliseconds keeps the ids of one
  // process ascending.
  static std::mutex mutex;
  static uint64_t last = 0;
  uint64_t stamp = static_cast<uint64_t>(absl::ToUnixMillis(now)) << 12;
  {
    std::lock_guard lock(mutex);
    last = stamp = std::max(stamp, last + 1);
  }
  std::string bytes = RandomBytes(16);
  const uint64_t millis = stamp >> 12;
  for (int i = 0; i < 6; ++i) bytes[i] = static_cast<char>(millis >> (40 - 8 * i));
  bytes[6] = static_cast<char>((stamp >> 8) & 0x0f);
  bytes[7] = static_cast<char>(stamp & 0xff);
  return FormatUuid(std::move(bytes), 7);
}

std::string DerivedUuid(absl::string_view space, absl::string_view name) {
  const std::string input =
      absl::StrCat(absl::HexStringToBytes(absl::StrReplaceAll(space, {{"-", ""}})), name);
  return FormatUuid(Digest(EVP_sha1(), input).substr(0, 16), 5);
}

bool IsUuid(absl::string_view text) {
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const char c = text[i];
    if (dash ? c != '-' : !(absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f'))) return false;
  }
  return true;
}

std::string Sha256(absl::string_view data) { return Digest(EVP_sha256(), data); }

bool EqualInConstantTime(absl::string_view a, absl::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace playmesh
