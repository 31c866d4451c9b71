#include "services/notification/texts.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/substitute.h"
#include "common/base/clock.h"
#include "common/base/currency.h"

namespace playmesh::notification {
namespace {

using purchase::v1::OrderItem;
using Items = google::protobuf::RepeatedPtrField<OrderItem>;

// Release notes are longer than anybody reads in an inbox, and every owner gets a copy.
constexpr int kMaxNotesCharacters = 500;

// The sentences of one language; $0 and $1 are filled in. Another language is another of these in
// kLanguages.
struct Phrases {
  absl::string_view language;  // the first part of a BCP 47 tag
  absl::string_view greeting;
  absl::string_view greeting_without_name;
  absl::string_view welcome_subject;
  absl::string_view welcome_body;
  absl::string_view one_game_bought;    // $0: its title
  absl::string_view many_games_bought;  // $0: how many
  absl::string_view receipt_subject;    // $0: one of the two above
  absl::string_view receipt_intro;
  absl::string_view receipt_end;
  absl::string_view one_game_refunded;    // $0: its title
  absl::string_view many_games_refunded;  // $0: how many
  absl::string_view refund_intro;
  absl::string_view refund_end;
  absl::string_view total;
  absl::string_view free;
  absl::string_view order;
  absl::string_view date;
  absl::string_view update_title;  // $0: title, $1: version
  absl::string_view signature;
};

constexpr Phrases kEnglish = {
    .language = "en",
    .greeting = "Hello $0,",
    .greeting_without_name = "Hello,",
    .welcome_subject = "Welcome to Playmesh",
    .welcome_body = "Your account is ready. Games that you buy or claim appear in your library.",
    .one_game_bought = "$0 is yours",
    .many_games_bought = "$0 games are yours",
    .receipt_subject = "Your receipt: $0",
    .receipt_intro = "Thank you for your order. This is your receipt.",
    .receipt_end = "The games are in your library.",
    .one_game_refunded = "$0 was refunded",
    .many_games_refunded = "$0 games were refunded",
    .refund_intro = "Your order was refunded. The money goes back the way it was paid.",
    .refund_end = "The games are no longer in your library.",
    .total = "Total: $0",
    .free = "free",
    .order = "Order: $0",
    .date = "Date: $0",
    .update_title = "$0 $1 is out",
    .signature = "Playmesh",
};

constexpr const Phrases* kLanguages[] = {&kEnglish};

const Phrases& PhrasesFor(absl::string_view locale) {
  const absl::string_view language = locale.substr(0, locale.find('-'));
  for (const Phrases* phrases : kLanguages) {
    if (absl::EqualsIgnoreCase(phrases->language, language)) return *phrases;
  }
  return kEnglish;
}

// A title or name without line breaks and other control characters.
std::string OneLine(absl::string_view text) {
  std::string line(text);
  for (char& c : line) {
    if (absl::ascii_iscntrl(c)) c = ' ';
  }
  return line;
}

// At most `limit` code points of well-formed UTF-8.
std::string Shorten(absl::string_view text, int limit) {
  int characters = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool starts_character = (text[i] & 0xC0) != 0x80;
    if (starts_character && ++characters > limit) return absl::StrCat(text.substr(0, i), "…");
  }
  return std::string(text);
}

std::string Amount(const type::v1::Money& money) {
  return FormatMoney(money.currency_code(), money.units_minor());
}

// `one` with the title of the only game, or `many` with their number.
std::string Games(absl::string_view one, absl::string_view many, const Items& items) {
  if (items.size() != 1) return absl::Substitute(many, items.size());
  return absl::Substitute(one, OneLine(items[0].game_title()));
}

std::string Bought(const Phrases& phrases, const Items& items) {
  return Games(phrases.one_game_bought, phrases.many_games_bought, items);
}

std::string Refunded(const Phrases& phrases, const Items& items) {
  return Games(phrases.one_game_refunded, phrases.many_games_refunded, items);
}

// One line for each item, then the total.
std::string Bill(const Phrases& phrases, const Items& items, const type::v1::Money& total) {
  std::string bill;
  for (const OrderItem& item : items) {
    absl::StrAppend(&bill, OneLine(item.game_title()), " (", OneLine(item.edition_name()),
                    "): ", item.price().units_minor() == 0 ? phrases.free : Amount(item.price()),
                    "\n");
  }
  return absl::StrCat(bill, absl::Substitute(phrases.total, Amount(total)));
}

// Which order, and when.
std::string Reference(const Phrases& phrases, absl::string_view order_id,
                      const google::protobuf::Timestamp& time) {
  return absl::StrCat(
      absl::Substitute(phrases.order, order_id), "\n",
      absl::Substitute(phrases.date, absl::FormatTime("%Y-%m-%d %H:%M UTC", FromTimestamp(time),
                                                      absl::UTCTimeZone())));
}

std::string Letter(const Phrases& phrases, const identity::v1::Contact& contact,
                   const std::vector<std::string>& paragraphs) {
  const std::string name = OneLine(contact.display_name());
  return absl::StrCat(name.empty() ? std::string(phrases.greeting_without_name)
                                   : absl::Substitute(phrases.greeting, name),
                      "\n\n", absl::StrJoin(paragraphs, "\n\n"), "\n\n", phrases.signature, "\n");
}

}  // namespace

InboxText WelcomeText() {
  return {std::string(kEnglish.welcome_subject), std::string(kEnglish.welcome_body)};
}

InboxText PurchaseText(const purchase::v1::PurchaseCompleted& event) {
  return {Bought(kEnglish, event.items()), Bill(kEnglish, event.items(), event.total())};
}

InboxText RefundText(const purchase::v1::PurchaseRefunded& event) {
  return {Refunded(kEnglish, event.items()),
          absl::StrCat(Bill(kEnglish, event.items(), event.total()), "\n", kEnglish.refund_end)};
}

InboxText UpdateText(const catalog::v1::GameUpdated& event) {
  return {absl::Substitute(kEnglish.update_title, OneLine(event.title()), OneLine(event.version())),
          Shorten(event.release_notes(), kMaxNotesCharacters)};
}

absl::StatusOr<MailText> RenderMail(NotificationKind kind, absl::string_view event,
                                    const identity::v1::Contact& contact) {
  const Phrases& phrases = PhrasesFor(contact.locale());
  const std::string payload(event);
  if (kind == NOTIFICATION_KIND_WELCOME) {
    return MailText{std::string(phrases.welcome_subject),
                    Letter(phrases, contact, {std::string(phrases.welcome_body)})};
  }
  if (purchase::v1::PurchaseCompleted order;
      kind == NOTIFICATION_KIND_PURCHASE_COMPLETED && order.ParseFromString(payload)) {
    return MailText{
        absl::Substitute(phrases.receipt_subject, Bought(phrases, order.items())),
        Letter(phrases, contact,
               {std::string(phrases.receipt_intro), Bill(phrases, order.items(), order.total()),
                Reference(phrases, order.order_id(), order.complete_time()),
                std::string(phrases.receipt_end)})};
  }
  if (purchase::v1::PurchaseRefunded refund;
      kind == NOTIFICATION_KIND_PURCHASE_REFUNDED && refund.ParseFromString(payload)) {
    return MailText{
        Refunded(phrases, refund.items()),
        Letter(phrases, contact,
               {std::string(phrases.refund_intro), Bill(phrases, refund.items(), refund.total()),
                Reference(phrases, refund.order_id(), refund.refund_time()),
                std::string(phrases.refund_end)})};
  }
  return absl::InvalidArgumentError("the mail's event does not parse");
}

}  // namespace playmesh::notification
