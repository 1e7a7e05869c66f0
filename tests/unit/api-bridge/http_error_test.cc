// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/wire/http_error.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "api-bridge/wire/error_document.h"
#include "api-bridge/wire/reason.h"
#include "catalog/text/utf8.h"

namespace glance::api {
namespace {

const HttpError kMissing(404, "No image found with ID <n'o'pe>");

std::string body_for(const HttpError& error, std::string_view accept) {
  return std::get<std::string>(error_response(error, accept).body);
}

std::string type_for(std::string_view accept) {
  const auto response = error_response(kMissing, accept);
  const auto type = response.headers.front().second;
  return type.substr(0, type.find(';'));
}

Response failure(auto thrown) {
  Request request;
  request.headers = {{"Accept", "*/*"}};
  return failure_response(std::make_exception_ptr(std::move(thrown)), request);
}

TEST(HttpError, EveryErrcHasAStatus) {
  for (int code = 0; code <= static_cast<int>(Errc::io); ++code) {
    const auto errc = static_cast<Errc>(code);
    const int status = status_of(errc);
    EXPECT_GE(status, 400) << to_string(errc);
    EXPECT_LT(status, 600) << to_string(errc);
    EXPECT_NE(reason_of(status), "Unknown") << to_string(errc);
    const bool is_fault = errc == Errc::corrupt || errc == Errc::io;
    EXPECT_EQ(status == 500, is_fault) << to_string(errc);
  }
}

TEST(HttpError, StatusesAreGlances) {
  EXPECT_EQ(status_of(Errc::not_found), 404);
  EXPECT_EQ(status_of(Errc::exists), 409);
  EXPECT_EQ(status_of(Errc::conflict), 409);
  EXPECT_EQ(status_of(Errc::protected_), 403);
  EXPECT_EQ(status_of(Errc::invalid), 400);
  EXPECT_EQ(status_of(Errc::gone), 410);
  EXPECT_EQ(status_of(Errc::mismatch), 400);
  EXPECT_EQ(status_of(Errc::unmet), 412);
  EXPECT_EQ(status_of(Errc::no_space), 413);
  EXPECT_EQ(status_of(Errc::busy), 503);
}

TEST(HttpError, HtmlIsGlancesToTheLetter) {
  EXPECT_EQ(body_for(kMissing, "*/*"),
            "<html>\n <head>\n  <title>404 Not Found</title>\n </head>\n <body>\n"
            "  <h1>404 Not Found</h1>\n"
            "  No image found with ID &lt;n&#x27;o&#x27;pe&gt;<br /><br />\n\n\n\n"
            " </body>\n</html>");
}

TEST(HttpError, HtmlShowsTheDetailBelow) {
  EXPECT_THAT(body_for({403, "Denied.", "Property \"name\""}, "*/*"),
              testing::HasSubstr("  Denied.<br /><br />\nProperty &quot;name&quot;\n\n\n </body>"));
}

TEST(HttpError, JsonIsFlat) {
  const auto json = nlohmann::json::parse(body_for(kMissing, "application/json"));
  EXPECT_EQ(json["message"], "No image found with ID <n'o'pe><br /><br />\n\n\n");
  EXPECT_EQ(json["code"], "404 Not Found");
  EXPECT_EQ(json["title"], "Not Found");
}

TEST(HttpError, PlainTextIsGlancesToTheLetter) {
  EXPECT_EQ(body_for({404, "gone"}, ""), "404 Not Found\n\ngone\n\n   ");
}

TEST(HttpError, TheFormFollowsTheAcceptHeader) {
  EXPECT_EQ(type_for("*/*"), "text/html");
  EXPECT_EQ(type_for("text/html, application/json"), "text/html");
  EXPECT_EQ(type_for("application/json"), "application/json");
  EXPECT_EQ(type_for("Application/*"), "application/json");
  EXPECT_EQ(type_for("text/html;q=0.1, application/json;q=0.9"), "application/json");
  EXPECT_EQ(type_for("*/*, text/html;q=0"), "application/json");
  EXPECT_EQ(type_for(""), "text/plain");
  EXPECT_EQ(type_for("text/plain"), "text/plain");
  EXPECT_EQ(type_for("application/octet-stream"), "text/plain");
}

TEST(HttpError, RepeatsNoMoreThanSoMuchOfWhatAClientSent) {
  const auto long_text = "begin " + std::string(1'000'000, 'x') + " allowed: end";
  for (const auto* accept : {"*/*", "application/json", "text/plain"}) {
    const auto body = body_for(HttpError(400, long_text, long_text), accept);
    EXPECT_LT(body.size(), 2 * kMaxExplanation + 500) << accept;
    EXPECT_THAT(body, testing::HasSubstr("begin xx"));
    EXPECT_THAT(body, testing::HasSubstr("xx allowed: end"));
  }
}

TEST(HttpError, IsCutBetweenCharacters) {
  for (std::size_t before = 0; before < 4; ++before) {
    std::string text(before, 'a');
    while (text.size() < 10'000) text += "\xF0\x9F\x90\xA7";
    const auto shown = shortened(text);
    EXPECT_LE(shown.size(), kMaxExplanation);
    EXPECT_TRUE(is_valid_utf8(shown)) << before;
  }
  EXPECT_EQ(shortened(std::string(kMaxExplanation, 'a')), std::string(kMaxExplanation, 'a'));
}

TEST(HttpError, ExtraHeadersAreKept) {
  const auto response = error_response({405, "no", {}, {{"Allow", "GET, POST"}}}, "");
  EXPECT_THAT(response.headers, testing::Contains(testing::Pair("Allow", "GET, POST")));
}

TEST(Failure, OfTheCatalogIsToldToTheClient) {
  const auto response = failure(Error(Errc::over_quota, "too many tags"));
  EXPECT_EQ(response.status, 413);
  EXPECT_THAT(std::get<std::string>(response.body), testing::HasSubstr("too many tags"));
}

TEST(Failure, InForeignWordsIsToldInOurs) {
  for (int code = 0; code <= static_cast<int>(Errc::io); ++code) {
    const auto errc = static_cast<Errc>(code);
    const auto response = failure(Error(errc, "/srv/secret: strange", Error::Words::foreign));
    EXPECT_EQ(response.status, status_of(errc)) << to_string(errc);
    const auto& body = std::get<std::string>(response.body);
    EXPECT_THAT(body, testing::Not(testing::HasSubstr("secret"))) << to_string(errc);
  }
}

TEST(Failure, OfTheSystemIsNot) {
  for (const auto& response : {failure(Error(Errc::io, "/srv/secret: Input/output error")),
                               failure(std::runtime_error("/srv/secret")), failure(42)}) {
    EXPECT_EQ(response.status, 500);
    EXPECT_THAT(std::get<std::string>(response.body), testing::Not(testing::HasSubstr("secret")));
  }
}

}  // namespace
}  // namespace glance::api
