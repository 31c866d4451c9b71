#include "services/payment/stripe_provider.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/payment/payment_testing.h"

namespace playmesh::payment {
namespace {

using Kind = Outcome::Kind;

// Listens on loopback; answers each request with the next of `answers`, and leaves those without
// one waiting.
class CannedServer {
 public:
  explicit CannedServer(std::vector<std::string> answers) : answers_(std::move(answers)) {
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    REQUIRE(bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(listen(listener_, 8) == 0);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    if (!answers_.empty()) thread_ = std::thread([this] { Serve(); });
  }
  ~CannedServer() {
    if (thread_.joinable()) thread_.join();
    close(listener_);
  }
  std::string url() const { return absl::StrCat("http://127.0.0.1:", port_); }
  // What came in; after the last answer was fetched.
  const std::vector<std::string>& requests() {
    if (thread_.joinable()) thread_.join();
    return requests_;
  }

  static std::string Answer(int status, const std::string& body) {
    return absl::StrCat("HTTP/1.1 ", status, " X\r\nContent-Length: ", body.size(),
                        "\r\nConnection: close\r\n\r\n", body);
  }

 private:
  void Serve() {
    for (const std::string& answer : answers_) {
      const int connection = accept(listener_, nullptr, nullptr);
      std::string request;
      char buffer[4096];
      while (!IsWhole(request)) {
        const ssize_t got = read(connection, buffer, sizeof(buffer));
        if (got <= 0) break;
        request.append(buffer, got);
      }
      requests_.push_back(request);
      for (size_t sent = 0; sent < answer.size();) {
        const ssize_t put =
            send(connection, answer.data() + sent, answer.size() - sent, MSG_NOSIGNAL);
        if (put <= 0) break;
        sent += put;
      }
      close(connection);
    }
  }
  static bool IsWhole(const std::string& request) {
    const size_t end = request.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    const size_t length = request.find("Content-Length: ");
    return length > end || request.size() >= end + 4 + std::atoi(request.c_str() + length + 16);
  }

  const std::vector<std::string> answers_;
  int listener_ = -1;
  int port_ = 0;
  std::vector<std::string> requests_;
  std::thread thread_;
};

ProviderPayment PaymentOf(const std::string& currency_code, int64_t units_minor) {
  ProviderPayment payment;
  payment.payment.set_payment_id("0193f2a0-0000-7000-8000-000000000001");
  payment.payment.set_order_id("0193f2a0-0000-7000-8000-000000000002");
  *payment.payment.mutable_amount() = Money(currency_code, units_minor);
  payment.token = "pm_card_visa";
  return payment;
}

StripeProvider ProviderAt(const std::string& url) {
  return StripeProvider({url, "sk_test_123", kSecret, ""});
}

TEST_CASE("a charge carries the key, the version and the payment_id as idempotency key") {
  CannedServer server({CannedServer::Answer(200, R"({"id":"pi_1","status":"succeeded"})")});
  const auto outcome = ProviderAt(server.url()).Charge(PaymentOf("EUR", 1999));
  REQUIRE(outcome.ok());
  CHECK(outcome->kind == Kind::kCaptured);
  CHECK(outcome->reference == "pi_1");
  const std::string request = server.requests().at(0);
  CHECK(absl::StartsWith(request, "POST /v1/payment_intents HTTP/1.1\r\n"));
  CHECK(absl::StrContains(request, "Authorization: Bearer sk_test_123\r\n"));
  CHECK(absl::StrContains(request, "Idempotency-Key: 0193f2a0-0000-7000-8000-000000000001\r\n"));
  CHECK(absl::StrContains(request, absl::StrCat("Stripe-Version: ", kStripeVersion, "\r\n")));
  CHECK(absl::StrContains(request, "Content-Type: application/x-www-form-urlencoded\r\n"));
  CHECK(absl::StrContains(request,
                          "amount=1999&currency=eur&confirm=true&payment_method=pm_card_visa"));
}

TEST_CASE("an amount that Stripe would not take is declined without asking it") {
  const auto outcome = ProviderAt("http://127.0.0.1:1").Charge(PaymentOf("KWD", 1999));
  REQUIRE(outcome.ok());
  CHECK(outcome->decline_code == "invalid_charge_amount");
}

TEST_CASE("a silent server leaves the outcome open at the deadline of the context") {
  CannedServer server({});
  Context context;
  context.deadline = absl::Now() + absl::Milliseconds(200);
  ScopedContext scope(context);
  CHECK(absl::IsDeadlineExceeded(ProviderAt(server.url()).Charge(PaymentOf("EUR", 1999)).status()));
  CHECK(absl::Now() - context.deadline < absl::Seconds(2));
  CHECK(absl::IsDeadlineExceeded(ProviderAt(server.url()).Charge(PaymentOf("EUR", 1999)).status()));
}

TEST_CASE("what cannot be reached, or answers too much, leaves the outcome open") {
  CHECK(absl::IsUnavailable(
      ProviderAt("http://127.0.0.1:1").Charge(PaymentOf("EUR", 1999)).status()));
  CHECK(absl::IsUnavailable(ProviderAt("file:///etc").Charge(PaymentOf("EUR", 1999)).status()));
  CannedServer server({CannedServer::Answer(200, std::string(2 * 1024 * 1024, ' '))});
  CHECK(absl::IsUnavailable(ProviderAt(server.url()).Charge(PaymentOf("EUR", 1999)).status()));
}

TEST_CASE("a payment without reference is searched for by its payment_id") {
  CannedServer server({CannedServer::Answer(200, R"({"data":[]})")});
  CHECK(absl::IsNotFound(ProviderAt(server.url()).Retrieve(PaymentOf("EUR", 1999)).status()));
  CHECK(absl::StartsWith(server.requests().at(0),
                         "GET /v1/payment_intents/search?query=metadata%5B%27payment_id%27%5D%3A%27"
                         "0193f2a0-0000-7000-8000-000000000001%27 HTTP/1.1\r\n"));
}

TEST_CASE("a payment that was decided before it could be cancelled answers with how") {
  CannedServer server({CannedServer::Answer(400, R"({"error":{"type":"invalid_request_error",
                           "code":"payment_intent_unexpected_state"}})"),
                       CannedServer::Answer(200, R"({"id":"pi_1","status":"succeeded"})")});
  ProviderPayment payment = PaymentOf("EUR", 1999);
  payment.reference = "pi_1";
  CHECK(ProviderAt(server.url()).Cancel(payment)->kind == Kind::kCaptured);
  CHECK(absl::StartsWith(server.requests().at(0), "POST /v1/payment_intents/pi_1/cancel "));
  CHECK(absl::StrContains(server.requests().at(0), "cancellation_reason=abandoned"));
}

TEST_CASE("a refund after a failed one has a key of its own") {
  CannedServer server({CannedServer::Answer(200, R"({"data":[{"amount":1999,"status":"failed"}]})"),
                       CannedServer::Answer(200, R"({"object":"refund","status":"succeeded"})")});
  ProviderPayment payment = PaymentOf("EUR", 1999);
  payment.reference = "pi_1";
  CHECK(ProviderAt(server.url()).Refund(payment)->kind == Kind::kRefunded);
  const auto& requests = server.requests();
  CHECK(absl::StartsWith(requests.at(0), "GET /v1/refunds?payment_intent=pi_1&limit=100 "));
  CHECK(absl::StrContains(requests.at(1),
                          "Idempotency-Key: refund-0193f2a0-0000-7000-8000-000000000001-1\r\n"));
  CHECK(absl::StrContains(requests.at(1), "payment_intent=pi_1&amount=1999"));
}

// Below: against Stripe's own programs, which tests/stripe/run starts; hidden from other runs.

TEST_CASE("stripe-mock accepts what we send, and we read what it answers", "[.stripe]") {
  const char* url = std::getenv("PLAYMESH_STRIPE_MOCK_URL");
  REQUIRE(url != nullptr);
  StripeProvider provider =
      StripeProvider({url, "sk_test_123", kSecret, "https://shop.example/paid"});
  ProviderPayment payment = PaymentOf("USD", 100);

  // Its fixture of a payment intent waits for a payment method.
  const auto charged = provider.Charge(payment);
  REQUIRE(charged.status() == absl::OkStatus());
  CHECK(charged->kind == Kind::kFailed);
  CHECK(absl::StartsWith(charged->reference, "pi_"));
  CHECK(absl::IsNotFound(provider.Retrieve(payment).status()));
  payment.reference = charged->reference;
  CHECK(provider.Retrieve(payment)->reference == charged->reference);
  CHECK(provider.Cancel(payment).status() == absl::OkStatus());

  // Its fixture of a refund has 100 cents: that amount is found, any other is refunded anew.
  CHECK(provider.Refund(payment)->kind == Kind::kRefunded);
  payment.payment.mutable_amount()->set_units_minor(200);
  CHECK(provider.Refund(payment)->kind == Kind::kRefunded);

  payment.token.clear();
  StripeProvider stranger = StripeProvider({url, "", kSecret, ""});
  CHECK(absl::IsFailedPrecondition(stranger.Charge(payment).status()));
}

TEST_CASE("Stripe's library and we accept each other's signatures", "[.stripe]") {
  const char* folder = std::getenv("PLAYMESH_STRIPE_SIGNATURES");
  REQUIRE(folder != nullptr);
  std::ifstream in(absl::StrCat(folder, "/by-stripe.json"));
  const auto by_stripe = nlohmann::json::parse(in);
  REQUIRE(by_stripe.size() >= 3);
  nlohmann::json by_us;
  for (const auto& item : by_stripe) {
    const std::string secret = item["secret"], body = item["body"], header = item["header"];
    CAPTURE(header, body);
    CHECK(VerifyWebhook(secret, body, header, absl::Now()).ok());
    CHECK_FALSE(VerifyWebhook(secret, body + " ", header, absl::Now()).ok());
    by_us.push_back(
        {{"secret", secret}, {"body", body}, {"header", SignWebhook(secret, body, absl::Now())}});
  }

  // And a webhook of the sandbox, as it goes out.
  SandboxShop shop;
  shop.Pay("pm_card_visa");
  REQUIRE(shop.provider.DeliverWebhooks([&](const std::string& body, const std::string& signature) {
    by_us.push_back({{"secret", kSecret}, {"body", body}, {"header", signature}});
    return absl::OkStatus();
  }) == absl::OkStatus());
  std::ofstream(absl::StrCat(folder, "/by-us.json")) << by_us.dump();
}

}  // namespace
}  // namespace playmesh::payment
