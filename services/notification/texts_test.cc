#include "services/notification/texts.h"

#include <catch2/catch.hpp>

#include "common/base/clock.h"
#include "common/base/utf8.h"
#include "playmesh/identity/v1/identity_events.pb.h"

namespace playmesh::notification {
namespace {

identity::v1::Contact Ada() {
  identity::v1::Contact contact;
  contact.set_email("ada@players.example");
  contact.set_display_name("Ada");
  contact.set_locale("en-GB");
  return contact;
}

template <typename Event>
Event OrderOf(const std::vector<std::pair<std::string, int64_t>>& games) {
  Event event;
  event.set_order_id("0196a0c8-0000-7000-8000-000000000001");
  int64_t total = 0;
  for (const auto& [title, units_minor] : games) {
    auto& item = *event.add_items();
    item.set_game_title(title);
    item.set_edition_name("Standard");
    item.mutable_price()->set_currency_code("EUR");
    item.mutable_price()->set_units_minor(units_minor);
    total += units_minor;
  }
  event.mutable_total()->set_currency_code("EUR");
  event.mutable_total()->set_units_minor(total);
  *event.mutable_complete_time() =
      ToTimestamp(absl::FromCivil(absl::CivilMinute(2026, 3, 1, 9, 5), absl::UTCTimeZone()));
  return event;
}

using purchase::v1::PurchaseCompleted;
using purchase::v1::PurchaseRefunded;

TEST_CASE("A receipt says what was paid for what, when, and under which number") {
  const auto event = OrderOf<PurchaseCompleted>({{"SuperTux", 1999}, {"Hedgewars", 0}});
  auto mail = RenderMail(NOTIFICATION_KIND_PURCHASE_COMPLETED, event.SerializeAsString(), Ada());
  REQUIRE(mail.ok());
  CHECK(mail->subject == "Your receipt: 2 games are yours");
  CHECK(mail->body ==
        "Hello Ada,\n\n"
        "Thank you for your order. This is your receipt.\n\n"
        "SuperTux (Standard): 19.99 EUR\n"
        "Hedgewars (Standard): free\n"
        "Total: 19.99 EUR\n\n"
        "Order: 0196a0c8-0000-7000-8000-000000000001\n"
        "Date: 2026-03-01 09:05 UTC\n\n"
        "The games are in your library.\n\n"
        "Playmesh\n");
}

TEST_CASE("A refund says what goes back") {
  auto event = OrderOf<PurchaseRefunded>({{"SuperTux", 1999}});
  *event.mutable_refund_time() = event.complete_time();
  auto mail = RenderMail(NOTIFICATION_KIND_PURCHASE_REFUNDED, event.SerializeAsString(), Ada());
  REQUIRE(mail.ok());
  CHECK(mail->subject == "SuperTux was refunded");
  CHECK(mail->body.find("Total: 19.99 EUR") != std::string::npos);

  const InboxText text = RefundText(event);
  CHECK(text.title == "SuperTux was refunded");
  CHECK(text.body ==
        "SuperTux (Standard): 19.99 EUR\nTotal: 19.99 EUR\n"
        "The games are no longer in your library.");
}

TEST_CASE("A notification of a purchase names the only game, or how many there are") {
  CHECK(PurchaseText(OrderOf<PurchaseCompleted>({{"SuperTux", 1999}})).title ==
        "SuperTux is yours");
  CHECK(PurchaseText(OrderOf<PurchaseCompleted>({{"A", 1}, {"B", 2}, {"C", 3}})).title ==
        "3 games are yours");
}

TEST_CASE("Titles and names stay on one line, and are not templates") {
  const auto event = OrderOf<PurchaseCompleted>({{"Two\r\nBcc: x@y.example\n$0 $1", 1999}});
  CHECK(PurchaseText(event).title == "Two  Bcc: x@y.example $0 $1 is yours");
  identity::v1::Contact contact = Ada();
  contact.set_display_name("Ada\n$0");
  auto mail = RenderMail(NOTIFICATION_KIND_PURCHASE_COMPLETED, event.SerializeAsString(), contact);
  REQUIRE(mail.ok());
  CHECK(mail->subject.find_first_of("\r\n") == std::string::npos);
  CHECK(mail->body.substr(0, 14) == "Hello Ada $0,\n");
}

TEST_CASE("A mail greets somebody without a name, in a language without texts") {
  identity::v1::Contact contact = Ada();
  contact.set_display_name("");
  contact.set_locale("tlh");
  auto mail = RenderMail(NOTIFICATION_KIND_WELCOME, "", contact);
  REQUIRE(mail.ok());
  CHECK(mail->subject == "Welcome to Playmesh");
  CHECK(mail->body.substr(0, 7) == "Hello,\n");
}

TEST_CASE("A mail of an event that does not parse is refused") {
  CHECK(absl::IsInvalidArgument(
      RenderMail(NOTIFICATION_KIND_PURCHASE_COMPLETED, "\xff", Ada()).status()));
  CHECK(absl::IsInvalidArgument(RenderMail(NOTIFICATION_KIND_GAME_UPDATED, "", Ada()).status()));
}

TEST_CASE("Release notes are cut between characters") {
  catalog::v1::GameUpdated event;
  event.set_title("SuperTux");
  event.set_version("0.6.4");
  event.set_release_notes("short");
  CHECK(UpdateText(event).title == "SuperTux 0.6.4 is out");
  CHECK(UpdateText(event).body == "short");

  std::string notes;
  for (int i = 0; i < 600; ++i) notes += "é";
  event.set_release_notes(notes);
  const std::string body = UpdateText(event).body;
  CHECK(IsUtf8(body));
  CHECK(CountCodePoints(body) == 501);
}

}  // namespace
}  // namespace playmesh::notification
