// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/wire/router.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api-bridge/wire/error_document.h"
#include "api-bridge/wire/http_error.h"

namespace glance::api {
namespace {

Response nothing(const Request&) {
  return {};
}

Router make_test_router() {
  Router router{{{"GET", "images", BodyKind::buffered, Handler(nothing)},
                 {"POST", "images", BodyKind::buffered, Handler(nothing)},
                 {"GET", "images/{image_id}", BodyKind::none, Handler(nothing)},
                 {"DELETE", "images/{image_id}", BodyKind::none, Handler(nothing)},
                 {"PUT", "images/{image_id}/tags/{tag}", BodyKind::none, Handler(nothing)}},
                [](const Request&) { return json_response("versions"); },
                {15, 9, 7, 6, 5, 4, 3, 2, 1, 0}};
  router.add_page("page", [](const Request&) { return Response{.status = 204}; });
  return router;
}

Request request_for(const std::string& method, const std::string& target) {
  Request request;
  request.method = method;
  request.target = target;
  request.path = parse_target(target)->path;
  request.base_url = "http://glance";
  return request;
}

std::string pattern_of(Request request) {
  const auto router = make_test_router();
  const auto match = router.match(request);
  const auto* const* route = std::get_if<const Route*>(&match);
  return route == nullptr ? "" : std::string((*route)->pattern);
}

Response answer_to(Request request) {
  const auto router = make_test_router();
  try {
    auto match = router.match(request);
    return std::holds_alternative<Response>(match) ? std::get<Response>(std::move(match))
                                                   : Response{};
  } catch (const HttpError& error) {
    return error_response(error, "");
  }
}

int status_for(const std::string& method, const std::string& target) {
  return answer_to(request_for(method, target)).status;
}

TEST(Router, FindsRoutesAndTheirParameters) {
  auto request = request_for("PUT", "/v2/images/i/tags/t%2Fu");
  const auto router = make_test_router();
  const auto match = router.match(request);
  EXPECT_EQ(std::get<const Route*>(match)->pattern, "images/{image_id}/tags/{tag}");
  EXPECT_EQ(request.parameter("image_id"), "i");
  EXPECT_EQ(request.parameter("tag"), "t/u");
}

TEST(Router, TakesEveryEnabledVersion) {
  for (const auto* prefix : {"/v2", "/v2.0", "/v2.9", "/v2.15"}) {
    EXPECT_EQ(pattern_of(request_for("GET", std::string(prefix) + "/images")), "images") << prefix;
  }
}

TEST(Router, TakesTheVersionFromTheAcceptHeader) {
  auto request = request_for("GET", "/images");
  request.headers = {{"Accept", "application/vnd.openstack.images-v2.3"}};
  EXPECT_EQ(pattern_of(request), "images");
}

TEST(Router, AnswersTheVersionsToWhateverIsOutsideOfTheApi) {
  for (const auto* target : {"/", "/foo", "/v1/images", "/v3/x", "/v2.99/images", "/v2.01/images",
                             "/images", "/healthcheck/x"}) {
    EXPECT_EQ(status_for("GET", target), 300) << target;
  }
  EXPECT_EQ(status_for("POST", "/v1/images"), 300);
  EXPECT_EQ(status_for("GET", "/versions"), 200);
  EXPECT_EQ(status_for("GET", "/versions/"), 200);
}

TEST(Router, RedirectsTheBareVersion) {
  const auto response = answer_to(request_for("GET", "/v2"));
  EXPECT_EQ(response.status, 302);
  EXPECT_THAT(response.headers, testing::Contains(testing::Pair("Location", "http://glance/v2/")));
}

TEST(Router, KnowsNoTrailingSlashes) {
  for (const auto* target :
       {"/v2/", "/v2/images/", "/v2/images//", "/v2/images/i/", "/v2/images/i/tags/", "/v2/nope"}) {
    EXPECT_EQ(status_for("GET", target), 404) << target;
  }
}

TEST(Router, TakesSeveralSlashesForOne) {
  for (const auto* target : {"//v2/images", "/v2//images", "/v2///images"}) {
    EXPECT_EQ(status_for("GET", target), 200) << target;
  }
}

TEST(Router, NamesTheMethodsThatAreAllowed) {
  const auto response = answer_to(request_for("PUT", "/v2/images"));
  EXPECT_EQ(response.status, 405);
  EXPECT_THAT(response.headers, testing::Contains(testing::Pair("Allow", "GET, POST")));
  EXPECT_EQ(status_for("HEAD", "/v2/images"), 405);
}

TEST(Router, DoesNotImplementUnknownMethodsOnUnknownPaths) {
  EXPECT_EQ(status_for("FROB", "/v2/nope"), 501);
  EXPECT_EQ(status_for("FROB", "/v2/images"), 405);
}

TEST(Router, AnswersOptionsAndPagesOutsideOfTheApi) {
  EXPECT_EQ(status_for("OPTIONS", "/v2/images"), 200);
  EXPECT_EQ(status_for("OPTIONS", "*"), 200);
  EXPECT_EQ(status_for("GET", "/page"), 204);
  EXPECT_EQ(status_for("GET", "/page/x"), 300);
}

TEST(Router, KnowsNoMinorVersionUnlessToldOf) {
  const Router router({{"GET", "images", BodyKind::none, Handler(nothing)}},
                      [](const Request&) { return json_response("versions"); });
  auto request = request_for("GET", "/v2.0/images");
  EXPECT_TRUE(std::holds_alternative<Response>(router.match(request)));
  request = request_for("GET", "/v2/images");
  EXPECT_TRUE(std::holds_alternative<const Route*>(router.match(request)));
}

TEST(Router, RefusesBodiesWhereNoneBelongs) {
  auto request = request_for("DELETE", "/v2/images/i");
  request.content_length = 0;
  EXPECT_EQ(answer_to(request).status, 200);
  request.content_length = 1;
  EXPECT_EQ(answer_to(request).status, 400);
  request = request_for("PUT", "/v2/images/i/tags/t");
  request.is_chunked = true;
  EXPECT_EQ(answer_to(request).status, 400);
}

}  // namespace
}  // namespace glance::api
