#include "services/notification/smtp_sender.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <mutex>
#include <thread>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace playmesh::notification {
namespace {

// A mail server on a free port of loopback. Recipients such as fail450@… are refused with that
// reply; the text "refuse554" in a mail too, after the data.
class TinySmtpServer {
 public:
  TinySmtpServer() : listener_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    REQUIRE(bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(listen(listener_, 8) == 0);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] {
      int connection;
      while ((connection = accept(listener_, nullptr, nullptr)) >= 0) {
        ++connections;
        Converse(connection);
        close(connection);
      }
    });
  }

  ~TinySmtpServer() { Stop(); }

  void Stop() {
    shutdown(listener_, SHUT_RDWR);
    shutdown(connection_, SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
    close(listener_);
    listener_ = -1;
  }

  std::string url() const { return absl::StrCat("smtp://127.0.0.1:", port_); }

  std::atomic<int> connections = 0;
  std::vector<std::string> commands;  // read them when no mail is under way
  std::vector<std::string> mails;     // headers and body as they came

 private:
  void Converse(int connection) {
    connection_ = connection;
    std::string buffer;
    Reply("220 test");
    std::string line;
    while (ReadLine(buffer, line)) {
      commands.push_back(line);
      if (absl::StartsWith(line, "RCPT TO:<fail")) {
        Reply(absl::StrCat(line.substr(13, 3), " told to fail for ", line));
      } else if (line == "DATA") {
        Reply("354 go on");
        std::string mail;
        while (ReadLine(buffer, line) && line != ".") absl::StrAppend(&mail, line, "\n");
        const bool refused = absl::StrContains(mail, "refuse554");
        if (!refused) mails.push_back(mail);
        Reply(refused ? "554 no" : "250 taken");
      } else {
        Reply(line == "QUIT" ? "221 bye" : "250 ok");
      }
    }
  }

  void Reply(const std::string& reply) {
    const std::string line = reply + "\r\n";
    [[maybe_unused]] const ssize_t sent = send(connection_, line.data(), line.size(), MSG_NOSIGNAL);
  }

  // A line without its end; false when the client has gone.
  bool ReadLine(std::string& buffer, std::string& line) {
    size_t end;
    while ((end = buffer.find("\r\n")) == std::string::npos) {
      char chunk[4096];
      const ssize_t count = recv(connection_, chunk, sizeof(chunk), 0);
      if (count <= 0) return false;
      buffer.append(chunk, count);
    }
    line = buffer.substr(0, end);
    buffer.erase(0, end + 2);
    return true;
  }

  int listener_;
  std::atomic<int> connection_ = -1;
  int port_ = 0;
  std::thread thread_;
};

Mail MailTo(const std::string& address) {
  return {.mail_id = "0196a0c8-0000-7000-8000-000000000001",
          .address = address,
          .subject = "Welcome to Playmesh",
          .body = "Hello,\n\nWelcome.\n.\n.dots\n",
          .date = absl::FromCivil(absl::CivilMinute(2026, 3, 1, 9, 5), absl::UTCTimeZone())};
}

struct SmtpTest {
  TinySmtpServer server;
  SmtpSender sender{{.url = server.url(),
                     .from = "Playmesh <no-reply@playmesh.example>",
                     .user = "",
                     .password = "",
                     .timeout = absl::Seconds(5)}};
};

TEST_CASE_METHOD(SmtpTest, "A mail arrives with its headers and its text") {
  REQUIRE(sender.Send(MailTo("ada@players.example")).ok());
  REQUIRE(server.mails.size() == 1);
  const std::string& mail = server.mails[0];
  CAPTURE(mail);
  for (const char* line :
       {"Date: Sun, 01 Mar 2026 09:05:00 +0000\n", "From: Playmesh <no-reply@playmesh.example>\n",
        "To: <ada@players.example>\n", "Subject: Welcome to Playmesh\n",
        "Message-ID: <0196a0c8-0000-7000-8000-000000000001@playmesh.example>\n",
        "Mime-Version: 1.0\n", "Content-Type: text/plain; charset=utf-8\n",
        "\nHello,\n\nWelcome.\n..\n..dots\n"}) {
    CHECK(absl::StrContains(mail, line));
  }
  const auto& commands = server.commands;
  CHECK(std::count(commands.begin(), commands.end(), "RCPT TO:<ada@players.example>") == 1);
  CHECK(std::count_if(commands.begin(), commands.end(), [](const std::string& command) {
          return absl::StartsWith(command, "MAIL FROM:<no-reply@playmesh.example>");
        }) == 1);
}

TEST_CASE_METHOD(SmtpTest, "Mails share a connection") {
  for (int i = 0; i < 3; ++i) REQUIRE(sender.Send(MailTo("ada@players.example")).ok());
  CHECK(server.mails.size() == 3);
  CHECK(server.connections == 1);
}

TEST_CASE_METHOD(SmtpTest, "A 4xx reply is for now, a 5xx reply for good") {
  CHECK(absl::IsUnavailable(sender.Send(MailTo("fail450@players.example"))));
  CHECK(absl::IsUnavailable(sender.Send(MailTo("fail421@players.example"))));
  CHECK(absl::IsFailedPrecondition(sender.Send(MailTo("fail550@players.example"))));
  CHECK(absl::IsUnavailable(sender.Send(MailTo("fail530@players.example"))));  // our credentials
  Mail refused = MailTo("ada@players.example");
  refused.body = "refuse554\n";
  CHECK(absl::IsFailedPrecondition(sender.Send(refused)));
  CHECK(server.mails.empty());
  CHECK(sender.Send(MailTo("ada@players.example")).ok());
}

TEST_CASE_METHOD(SmtpTest, "An error names no address") {
  const absl::Status status = sender.Send(MailTo("fail550.ada@players.example"));
  CHECK(absl::IsFailedPrecondition(status));
  CHECK(absl::StrContains(status.message(), "SMTP 550"));
  CHECK_FALSE(absl::StrContains(status.message(), "ada"));
}

TEST_CASE_METHOD(SmtpTest, "Without a server a mail is for later") {
  CHECK(absl::IsFailedPrecondition(sender.Send(MailTo("fail550@players.example"))));
  server.Stop();
  CHECK(absl::IsUnavailable(sender.Send(MailTo("ada@players.example"))));
}

TEST_CASE_METHOD(SmtpTest, "A subject in any language arrives as it was, folded into short lines") {
  Mail mail = MailTo("ada@players.example");
  mail.subject =
      "Ваш чек: «Супер Тукс» и ещё сто двадцать три игры теперь в вашей библиотеке 🎮🎮🎮";
  REQUIRE(sender.Send(mail).ok());
  std::string decoded;
  bool in_subject = false;
  for (absl::string_view line : absl::StrSplit(server.mails.at(0), '\n')) {
    in_subject =
        absl::ConsumePrefix(&line, "Subject: ") || (in_subject && absl::ConsumePrefix(&line, " "));
    if (!in_subject) continue;
    CHECK(line.size() <= 75);
    std::string part;
    REQUIRE(absl::ConsumePrefix(&line, "=?UTF-8?B?"));
    REQUIRE(absl::Base64Unescape(absl::StripSuffix(line, "?="), &part));
    decoded += part;
  }
  CHECK(decoded == mail.subject);
}

TEST_CASE_METHOD(SmtpTest, "No text begins a header or a command of its own") {
  Mail mail = MailTo("ada@players.example");
  mail.subject = "Hi\r\nBcc: eve@players.example\n\nbody";
  REQUIRE(sender.Send(mail).ok());
  CHECK(absl::StrContains(server.mails.at(0), "\nSubject: Hi  Bcc: eve@players.example  body\n"));
  for (const char* address :
       {"ada@x.example>\r\nRCPT TO:<eve@x.example", "ada@x.example, eve@x.example",
        "<ada@x.example>", "no address", ""}) {
    CHECK(absl::IsFailedPrecondition(sender.Send(MailTo(address))));
  }
  CHECK(server.mails.size() == 1);
}

TEST_CASE("Headers stay as they are only when they are short and plain") {
  CHECK(EncodeHeader("Your receipt: 2 games") == "Your receipt: 2 games");
  CHECK(EncodeHeader("=?UTF-8?B?eA==?=") == "=?UTF-8?B?PT9VVEYtOD9CP2VBPT0/PQ==?=");
  CHECK(absl::StartsWith(EncodeHeader(std::string(71, 'x')), "=?UTF-8?B?"));
  CHECK(EncodeHeader("é") == "=?UTF-8?B?w6k=?=");
}

}  // namespace
}  // namespace playmesh::notification
