// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/handlers/json_body.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "api-bridge/wire/http_error.h"

namespace glance::api {
namespace {

std::string refusal(const std::string& body) {
  try {
    (void)parse_json_body(body);
  } catch (const HttpError& error) {
    EXPECT_EQ(error.status(), 400) << body;
    return error.what();
  }
  return "";
}

std::string value_refusal(std::string_view name, const nlohmann::json& value) {
  try {
    (void)attribute_value(name, value);
  } catch (const HttpError& error) {
    EXPECT_EQ(error.status(), 400) << name;
    return error.what();
  }
  return "";
}

std::string nested(int depth) {
  const auto count = static_cast<std::size_t>(depth);
  return std::string(count, '[') + std::string(count, ']');
}

TEST(JsonBody, IsAnObjectOrAnArray) {
  EXPECT_TRUE(parse_json_body("{}").is_object());
  EXPECT_TRUE(parse_json_body(" [1] ").is_array());
  EXPECT_EQ(refusal("3"), "Unexpected body type. Expected list/dict.");
  EXPECT_EQ(refusal("\"x\""), "Unexpected body type. Expected list/dict.");
  EXPECT_EQ(refusal(""), "Body expected in request.");
}

TEST(JsonBody, IsRefusedWhenItIsNoJson) {
  for (const auto* body : {"{", "{}x", "[NaN]", "[Infinity]", "{'a':1}", "[1,]", "\xff",
                           "[\"\xff\"]", R"(["\ud800"])", "[01]", "\xef\xbb\xbf"}) {
    EXPECT_EQ(refusal(body), "Malformed JSON in request body.") << body;
  }
}

TEST(JsonBody, IsRefusedWhenAKeyComesTwice) {
  EXPECT_THAT(refusal(R"({"a":1,"b":{"a":2},"a":3})"), testing::HasSubstr("'a' comes twice"));
  EXPECT_EQ(refusal(R"([{"a":1},{"a":{"a":1}}])"), "");
}

TEST(JsonBody, MayNestOnlySoDeep) {
  EXPECT_EQ(refusal(nested(64)), "");
  EXPECT_THAT(refusal(nested(66)), testing::HasSubstr("too deep"));
  EXPECT_THAT(refusal(std::string(1'000'000, '[')), testing::HasSubstr("too deep"));
}

TEST(JsonBody, HoldsNoNulCharacters) {
  EXPECT_THAT(refusal(R"({"a":"x\u0000"})"), testing::HasSubstr("NUL"));
  EXPECT_THAT(refusal(R"({"a\u0000":"x"})"), testing::HasSubstr("NUL"));
}

TEST(AttributeValue, HasTheTypeOfItsAttribute) {
  EXPECT_EQ(attribute_value("name", "x"), AttributeValue("x"));
  EXPECT_EQ(attribute_value("name", nullptr), AttributeValue(nullptr));
  EXPECT_EQ(attribute_value("protected", true), AttributeValue(true));
  EXPECT_EQ(attribute_value("min_ram", 5), AttributeValue(std::int64_t{5}));
  EXPECT_EQ(attribute_value("min_ram", 1.0), AttributeValue(std::int64_t{1}));
  EXPECT_EQ(attribute_value("tags", {"a", "b"}),
            AttributeValue(std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(attribute_value("os_distro", "debian"), AttributeValue("debian"));
}

TEST(AttributeValue, OfAnotherTypeIsASchemaError) {
  EXPECT_THAT(value_refusal("foo", 3),
              testing::StartsWith("Provided object does not match schema 'image': 3 is not of "
                                  "type 'string'"));
  EXPECT_THAT(value_refusal("foo", nullptr), testing::HasSubstr("None is not of type 'string'"));
  EXPECT_THAT(value_refusal("name", 3), testing::HasSubstr("'null', 'string'"));
  EXPECT_THAT(value_refusal("protected", "yes"), testing::HasSubstr("'yes' is not of type"));
  for (const nlohmann::json& value :
       {nlohmann::json("3"), nlohmann::json(3.5), nlohmann::json(nullptr), nlohmann::json(1e300),
        nlohmann::json(UINT64_MAX), nlohmann::json(true)}) {
    EXPECT_THAT(value_refusal("min_ram", value), testing::HasSubstr("'integer'")) << value;
  }
  EXPECT_THAT(value_refusal("tags", "x"), testing::HasSubstr("'array'"));
  EXPECT_THAT(value_refusal("tags", {"x", 3}), testing::HasSubstr("3 is not of type 'string'"));
  EXPECT_THAT(value_refusal("visibility", nullptr), testing::HasSubstr("'string'"));
}

TEST(AttributeValue, IsCutInMessagesWhenItIsLong) {
  EXPECT_LT(value_refusal("min_ram", std::string(5000, 'x')).size(), 500U);
}

}  // namespace
}  // namespace glance::api
