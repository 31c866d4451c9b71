#include "services/notification/smtp_sender.h"

#include <curl/curl.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/status/status.h"

namespace playmesh::notification {
namespace {

constexpr absl::Duration kConnectTimeout = absl::Seconds(5);
// RFC 2047: an encoded word has 75 characters at most, so 45 bytes in base64 between "=?UTF-8?B?"
// and "?=".
constexpr size_t kEncodedWordBytes = 45;
// Longer ASCII would need folding too (RFC 5322 allows 998 characters in a line and asks for 78).
constexpr size_t kMaxPlainHeader = 70;

using List = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

void Append(List& list, const std::string& line) {
  list.reset(curl_slist_append(list.release(), line.c_str()));
}

// The address in "Name <address>".
std::string AddressOf(absl::string_view mailbox) {
  const size_t open = mailbox.find('<');
  if (open == absl::string_view::npos) return std::string(mailbox);
  return std::string(mailbox.substr(open + 1, mailbox.find('>') - open - 1));
}

// Identity lets no other address in; here it would end up in SMTP commands and headers.
bool IsPlainAddress(absl::string_view address) {
  return absl::StrContains(address, '@') &&
         std::none_of(address.begin(), address.end(), [](char c) {
           return absl::ascii_iscntrl(c) || absl::StrContains(" <>,;\"", c);
         });
}

bool IsPrintableAscii(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return absl::ascii_isprint(c); });
}

// What the outcome of a conversation means for the mail.
absl::Status ToStatus(CURLcode result, int reply) {
  if (result == CURLE_OK) return absl::OkStatus();
  const std::string why = absl::StrCat(curl_easy_strerror(result), " (SMTP ", reply, ")");
  // 53x is about our credentials (RFC 4954), which an operator can mend.
  const bool for_good = reply >= 500 && reply / 10 != 53;
  return for_good ? absl::FailedPreconditionError(why) : absl::UnavailableError(why);
}

}  // namespace

std::string EncodeHeader(absl::string_view text) {
  std::string line(text);
  for (char& c : line) {
    if (absl::ascii_iscntrl(c)) c = ' ';
  }
  if (IsPrintableAscii(line) && line.size() <= kMaxPlainHeader && !absl::StrContains(line, "=?")) {
    return line;
  }
  std::string encoded;
  for (size_t begin = 0; begin < line.size();) {
    size_t end = std::min(begin + kEncodedWordBytes, line.size());
    // A word holds whole characters: step back to where one begins.
    while (end < line.size() && (line[end] & 0xC0) == 0x80) --end;
    absl::StrAppend(&encoded, begin == 0 ? "" : "\r\n ", "=?UTF-8?B?",
                    absl::Base64Escape(absl::string_view(line).substr(begin, end - begin)), "?=");
    begin = end;
  }
  return encoded;
}

struct SmtpSender::State {
  void Configure();
  List Headers(const Mail& mail) const;

  const SmtpOptions options;
  const std::string from_address;
  CURL* const curl;
};

SmtpSender::SmtpSender(SmtpOptions options) {
  static const CURLcode initialized = curl_global_init(CURL_GLOBAL_DEFAULT);
  (void)initialized;
  const std::string from_address = AddressOf(options.from);
  state_.reset(new State{std::move(options), from_address, curl_easy_init()});
}

SmtpSender::~SmtpSender() { curl_easy_cleanup(state_->curl); }

void SmtpSender::State::Configure() {
  curl_easy_reset(curl);  // keeps the connection
  curl_easy_setopt(curl, CURLOPT_URL, options.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(absl::ToInt64Milliseconds(kConnectTimeout)));
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS,
                   static_cast<long>(absl::ToInt64Milliseconds(options.timeout)));
  curl_easy_setopt(curl, CURLOPT_USE_SSL,
                   static_cast<long>(options.user.empty() ? CURLUSESSL_TRY : CURLUSESSL_ALL));
  if (!options.user.empty()) {
    curl_easy_setopt(curl, CURLOPT_USERNAME, options.user.c_str());
    curl_easy_setopt(curl, CURLOPT_PASSWORD, options.password.c_str());
  }
  curl_easy_setopt(curl, CURLOPT_MAIL_FROM, absl::StrCat("<", from_address, ">").c_str());
}

List SmtpSender::State::Headers(const Mail& mail) const {
  List headers(nullptr, &curl_slist_free_all);
  Append(headers, absl::StrCat("Date: ", absl::FormatTime(absl::RFC1123_full, mail.date,
                                                          absl::UTCTimeZone())));
  Append(headers, absl::StrCat("From: ", options.from));
  Append(headers, absl::StrCat("To: <", mail.address, ">"));
  Append(headers, absl::StrCat("Subject: ", EncodeHeader(mail.subject)));
  Append(headers, absl::StrCat("Message-ID: <", mail.mail_id, "@",
                               from_address.substr(from_address.find('@') + 1), ">"));
  Append(headers, "Auto-Submitted: auto-generated");  // RFC 3834: no answers by robots
  return headers;
}

absl::Status SmtpSender::Send(const Mail& mail) {
  if (!IsPlainAddress(mail.address)) {
    return absl::FailedPreconditionError("the address cannot be written in SMTP");
  }
  CURL* const curl = state_->curl;
  state_->Configure();
  List recipients(nullptr, &curl_slist_free_all);
  Append(recipients, absl::StrCat("<", mail.address, ">"));
  curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, recipients.get());
  const List headers = state_->Headers(mail);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());

  const std::unique_ptr<curl_mime, decltype(&curl_mime_free)> mime(curl_mime_init(curl),
                                                                   &curl_mime_free);
  curl_mimepart* text = curl_mime_addpart(mime.get());
  const std::string body = absl::StrReplaceAll(mail.body, {{"\n", "\r\n"}});
  curl_mime_data(text, body.data(), body.size());
  curl_mime_type(text, "text/plain; charset=utf-8");
  curl_mime_encoder(text, "quoted-printable");
  curl_easy_setopt(curl, CURLOPT_MIMEPOST, mime.get());

  const CURLcode result = curl_easy_perform(curl);
  long reply = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply);
  return ToStatus(result, static_cast<int>(reply));
}

}  // namespace playmesh::notification
