#include "services/identity/passwords.h"

#include <argon2.h>

#include <algorithm>
#include <cstdlib>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/random.h"
#include "common/context/context.h"
#include "common/status/status.h"
#include "services/identity/unicode.h"

namespace playmesh::identity {
namespace {

constexpr uint32_t kMemoryKib = 19 * 1024;
constexpr uint32_t kPasses = 2;
constexpr uint32_t kLanes = 1;
constexpr size_t kSaltBytes = 16;
constexpr size_t kHashBytes = 32;
constexpr absl::Duration kMaxWait = absl::Seconds(5);
constexpr absl::Duration kRetryDelay = absl::Seconds(1);

int Encode(absl::string_view password, std::string& encoded) {
  const std::string salt = RandomBytes(kSaltBytes);
  // The length that libargon2 asks for counts the NUL byte at the end.
  encoded.resize(argon2_encodedlen(kPasses, kMemoryKib, kLanes, kSaltBytes, kHashBytes, Argon2_id));
  const int code =
      argon2id_hash_encoded(kPasses, kMemoryKib, kLanes, password.data(), password.size(),
                            salt.data(), salt.size(), kHashBytes, encoded.data(), encoded.size());
  encoded.resize(std::min(encoded.find('\0'), encoded.size()));
  return code;
}

// What passwords of unknown accounts are compared with.
std::string MakeDecoy() {
  std::string encoded;
  if (Encode(RandomBytes(kHashBytes), encoded) != ARGON2_OK) std::abort();
  return encoded;
}

absl::Status Failed(int code) {
  return absl::InternalError(absl::StrCat("argon2: ", argon2_error_message(code)));
}

}  // namespace

bool IsCommonPassword(absl::string_view password) {
  // Of at least eight characters: shorter ones are refused by the contract.
  static const auto* common = new absl::flat_hash_set<std::string>{
      "00000000",  "11111111",   "11223344",   "12121212",    "123123123",  "12341234",
      "12344321",  "12345678",   "123456789",  "1234567890",  "123456789a", "1234qwer",
      "147258369", "1q2w3e4r",   "1q2w3e4r5t", "1qaz2wsx",    "55555555",   "66666666",
      "77777777",  "87654321",   "88888888",   "987654321",   "99999999",   "a1234567",
      "a12345678", "aa123456",   "aaaaaaaa",   "abc12345",    "abcd1234",   "abcdefgh",
      "access14",  "asdf1234",   "asdfasdf",   "asdfghjk",    "asdfghjkl",  "baseball",
      "changeme",  "charlie1",   "computer",   "corvette",    "dragon123",  "football",
      "football1", "iloveyou",   "iloveyou1",  "internet",    "jennifer",   "letmein1",
      "liverpool", "master123",  "mercedes",   "michelle",    "minecraft",  "monkey123",
      "mustang1",  "p@ssw0rd",   "p@ssword",   "pa55word",    "passw0rd",   "password",
      "password!", "password1",  "password12", "password123", "playmesh",   "playmesh1",
      "pokemon1",  "princess",   "princess1",  "q1w2e3r4",    "qazwsxedc",  "qwer1234",
      "qwerty12",  "qwerty123",  "qwertyui",   "qwertyuiop",  "samantha",   "starwars",
      "sunshine",  "superman",   "superman1",  "test1234",    "trustno1",   "victoria",
      "welcome1",  "welcome123", "whatever",   "zaq12wsx",    "zxcvbnm1",   "zxcvbnm123"};
  return common->contains(NfkcCasefold(password));
}

PasswordHasher::PasswordHasher(int concurrency) : decoy_(MakeDecoy()), free_(concurrency) {}

absl::StatusOr<int> PasswordHasher::Run(const std::function<int()>& argon2) {
  const absl::Time deadline = std::min(CurrentContext().deadline, absl::Now() + kMaxWait);
  std::unique_lock lock(mutex_);
  if (!freed_.wait_until(lock, absl::ToChronoTime(deadline), [this] { return free_ > 0; })) {
    return RetryLater(absl::StatusCode::kResourceExhausted, kRetryDelay,
                      "too many people sign in right now, try again later");
  }
  --free_;
  lock.unlock();
  const int code = argon2();
  lock.lock();
  ++free_;
  lock.unlock();
  freed_.notify_one();
  return code;
}

absl::StatusOr<std::string> PasswordHasher::Hash(absl::string_view password) {
  std::string encoded;
  ASSIGN_OR_RETURN(const int code, Run([&] { return Encode(password, encoded); }));
  if (code != ARGON2_OK) return Failed(code);
  return encoded;
}

absl::StatusOr<bool> PasswordHasher::Verify(absl::string_view password,
                                            const std::optional<std::string>& encoded) {
  const std::string& hash = encoded ? *encoded : decoy_;
  ASSIGN_OR_RETURN(const int code, Run([&] {
                     return argon2id_verify(hash.c_str(), password.data(), password.size());
                   }));
  if (code != ARGON2_OK && code != ARGON2_VERIFY_MISMATCH) return Failed(code);
  return code == ARGON2_OK && encoded.has_value();
}

}  // namespace playmesh::identity
