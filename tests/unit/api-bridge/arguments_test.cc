// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/operation/arguments.h"

#include <sstream>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace glance::api {
namespace {

std::optional<Arguments> parse(std::vector<const char*> words, std::string* printed = nullptr) {
  words.insert(words.begin(), "glance-api-bridge");
  std::ostringstream out;
  auto arguments = parse_arguments(static_cast<int>(words.size()), words.data(), out);
  if (printed != nullptr) *printed = out.str();
  return arguments;
}

TEST(Arguments, AreReadInAnyOrder) {
  const auto arguments =
      parse({"--create", "--bind", "[::1]:0", "/srv", "--allow-unauthenticated"});
  ASSERT_TRUE(arguments);
  EXPECT_EQ(arguments->spec, "/srv");
  EXPECT_EQ(arguments->bind, (BindAddress{"::1", 0}));
  EXPECT_TRUE(arguments->create);
  EXPECT_TRUE(arguments->allow_unauthenticated);
}

TEST(Arguments, NeedASpecAndNothingUnknown) {
  EXPECT_THROW((void)parse({}), UsageError);
  EXPECT_THROW((void)parse({"/srv", "more"}), UsageError);
  EXPECT_THROW((void)parse({"/srv", "--nonsense"}), UsageError);
}

TEST(Arguments, AnswerHelpAndVersionThemselves) {
  std::string printed;
  EXPECT_FALSE(parse({"--help"}, &printed));
  EXPECT_THAT(printed, testing::HasSubstr("--allow-unauthenticated"));
  EXPECT_FALSE(parse({"--version"}, &printed));
  EXPECT_THAT(printed, testing::StartsWith("glance-api-bridge "));
}

TEST(Bind, IsAnAddressAndAPort) {
  EXPECT_EQ(parse_bind("127.0.0.1:9292"), (BindAddress{"127.0.0.1", 9292}));
  EXPECT_EQ(parse_bind("localhost:65535"), (BindAddress{"localhost", 65535}));
  for (const auto* text :
       {"", ":80", "a", "a:", "a:x", "a:65536", "a:-1", "::1:80", "[]:80", "a:80 "}) {
    EXPECT_THROW((void)parse_bind(text), UsageError) << text;
  }
}

}  // namespace
}  // namespace glance::api
