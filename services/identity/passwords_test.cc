#include "services/identity/passwords.h"

#include <time.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "common/context/context.h"
#include "services/identity/unicode.h"

namespace playmesh::identity {
namespace {

// Least CPU time of this thread that `work` takes, out of some tries.
absl::Duration CpuTime(const std::function<void()>& work) {
  auto now = [] {
    timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return absl::DurationFromTimespec(time);
  };
  absl::Duration least = absl::InfiniteDuration();
  for (int i = 0; i < 5; ++i) {
    const absl::Duration start = now();
    work();
    least = std::min(least, now() - start);
  }
  return least;
}

}  // namespace

TEST_CASE("A hash is of its password only, and says how it was made") {
  PasswordHasher hasher(1);
  const std::string hash = hasher.Hash("correct horse").value();
  CHECK(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
  CHECK(hasher.Verify("correct horse", hash).value());
  CHECK_FALSE(hasher.Verify("Correct horse", hash).value());
  CHECK_FALSE(hasher.Verify("correct horse ", hash).value());
}

TEST_CASE("The same password has another hash each time") {
  PasswordHasher hasher(1);
  CHECK(hasher.Hash("correct horse").value() != hasher.Hash("correct horse").value());
}

TEST_CASE("No part of a long password is cut off") {
  PasswordHasher hasher(1);
  const std::string password(1024, 'x');
  const std::string hash = hasher.Hash(password).value();
  CHECK(hasher.Verify(password, hash).value());
  CHECK_FALSE(hasher.Verify(password.substr(0, 1023), hash).value());
}

TEST_CASE("Without a hash, verifying fails at the same cost") {
  PasswordHasher hasher(1);
  const std::string hash = hasher.Hash("correct horse").value();
  const absl::Duration known = CpuTime([&] { (void)hasher.Verify("wrong", hash); });
  const absl::Duration unknown = CpuTime([&] { (void)hasher.Verify("wrong", std::nullopt); });
  CHECK_FALSE(hasher.Verify("wrong", std::nullopt).value());
  CHECK(absl::FDivDuration(unknown, known) == Approx(1).margin(0.4));
}

TEST_CASE("A hash that is none is an internal error, not a wrong password") {
  PasswordHasher hasher(1);
  CHECK(absl::IsInternal(hasher.Verify("correct horse", "plain").status()));
}

TEST_CASE("More threads than may hash at a time take turns") {
  PasswordHasher hasher(2);
  std::atomic<int> done = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] { done += hasher.Hash("correct horse").ok(); });
  for (std::thread& thread : threads) thread.join();
  CHECK(done == 8);
}

TEST_CASE("Who gets no turn before the deadline is refused") {
  PasswordHasher hasher(0);
  Context context;
  context.deadline = absl::Now() + absl::Milliseconds(20);
  ScopedContext scope(context);
  CHECK(absl::IsResourceExhausted(hasher.Hash("correct horse").status()));
}

TEST_CASE("Common passwords are known in any case") {
  CHECK(IsCommonPassword("password123"));
  CHECK(IsCommonPassword("PassWord123"));
  CHECK_FALSE(IsCommonPassword("correct horse battery"));
}

TEST_CASE("A password is the same however a keyboard composes it") {
  CHECK(Nfkc("p\u00e4ssword") == Nfkc("pa\u0308ssword"));
  CHECK(Nfkc("\uff50\uff41ss") == "pass");
  CHECK(Nfkc("Pass") == "Pass");
}

TEST_CASE("An address is the same in any case") {
  CHECK(NfkcCasefold("Ada@Example.COM") == "ada@example.com");
  CHECK(NfkcCasefold("STRA\u00dfE@example.com") == NfkcCasefold("strasse@example.com"));
}

}  // namespace playmesh::identity
