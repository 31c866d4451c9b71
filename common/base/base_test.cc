#include <catch2/catch.hpp>
#include <set>

#include "common/base/clock.h"
#include "common/base/currency.h"
#include "common/base/random.h"
#include "common/base/utf8.h"

namespace playmesh {

TEST_CASE("NewUuid makes canonical, ascending UUIDs of version 7") {
  const absl::Time now = absl::Now();
  std::string previous;
  for (int i = 0; i < 5000; ++i) {
    const std::string id = NewUuid(now);
    REQUIRE(IsUuid(id));
    REQUIRE(id[14] == '7');
    REQUIRE(id > previous);
    previous = id;
  }
}

TEST_CASE("DerivedUuid follows RFC 9562's example for version 5") {
  CHECK(DerivedUuid("6ba7b810-9dad-11d1-80b4-00c04fd430c8", "www.example.com") ==
        "2ed6657d-e927-568b-95e1-2665a8aea6a2");
}

TEST_CASE("IsUuid refuses what is not canonical") {
  CHECK_FALSE(IsUuid(""));
  CHECK_FALSE(IsUuid("0190163D-8694-739B-AEA5-966C26F8AD91"));
  CHECK_FALSE(IsUuid("0190163d8694739baea5966c26f8ad91"));
  CHECK_FALSE(IsUuid("0190163d-8694-739b-aea5-966c26f8ad9g"));
}

TEST_CASE("EqualInConstantTime compares strings") {
  CHECK(EqualInConstantTime("secret", "secret"));
  CHECK_FALSE(EqualInConstantTime("secret", "secreT"));
  CHECK_FALSE(EqualInConstantTime("secret", "secret1"));
}

TEST_CASE("FormatMoney knows each currency's exponent") {
  CHECK(FormatMoney("EUR", 1999) == "19.99 EUR");
  CHECK(FormatMoney("EUR", -5) == "-0.05 EUR");
  CHECK(FormatMoney("JPY", 1999) == "1999 JPY");
  CHECK(FormatMoney("KWD", 1999) == "1.999 KWD");
  CHECK(FormatMoney("EUR", INT64_MIN) == "-92233720368547758.08 EUR");
}

TEST_CASE("Timestamps keep microseconds in both directions") {
  const absl::Time time = absl::FromUnixMicros(1'700'000'000'123'456);
  CHECK(FromTimestamp(ToTimestamp(time)) == time);
  CHECK(ToTimestamp(absl::FromUnixMicros(-1)).nanos() == 999'999'000);
}

TEST_CASE("IsUtf8 refuses overlong forms, surrogates and cut sequences") {
  CHECK(IsUtf8("Größe ☃ 🎮"));
  CHECK_FALSE(IsUtf8("\xc0\xaf"));
  CHECK_FALSE(IsUtf8("\xed\xa0\x80"));
  CHECK_FALSE(IsUtf8("\xe2\x98"));
  CHECK(CountCodePoints("Größe ☃ 🎮") == 9);
}

}  // namespace playmesh
