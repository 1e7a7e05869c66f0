// SPDX-License-Identifier: Apache-2.0
#include "catalog/tool/command.h"

#include <gmock/gmock.h>

#include "catalog/tool/images.h"

namespace glance::tool {
namespace {

namespace po = boost::program_options;
using ::testing::ElementsAre;
using ::testing::Pair;

class Calls : public ::testing::Test {
 protected:
  Calls() {
    Command paint{.name = "paint",
                  .operands = "WALL [COLOUR]",
                  .summary = "Paint.",
                  .arguments = {1, 2},
                  .options = {},
                  .run = [](const Invocation&) { return ExitCode::ok; }};
    paint.options.add_options()("coat", po::value<std::vector<std::string>>(), "")(
        "tool", po::value<std::string>(), "")("wet", "");
    commands_.push_back(std::move(paint));
  }

  [[nodiscard]] Parsed parse(const std::vector<std::string>& words) const {
    return parse_call(commands_, words);
  }

  [[nodiscard]] std::string refusal(const std::vector<std::string>& words) const {
    try {
      static_cast<void>(parse(words));
    } catch (const UsageError& error) {
      return error.what();
    }
    return "accepted";
  }

  std::vector<Command> commands_;
};

TEST_F(Calls, HaveOptionsOnBothSidesOfTheCommand) {
  const auto parsed = parse({"--spec", "S", "paint", "w", "--wet", "c", "--tool=brush"});
  EXPECT_EQ(parsed.kind, Parsed::Kind::run);
  EXPECT_EQ(parsed.command->name, "paint");
  EXPECT_EQ(parsed.invocation.spec, "S");
  EXPECT_THAT(parsed.invocation.arguments, ElementsAre("w", "c"));
  EXPECT_TRUE(parsed.invocation.has("wet"));
  EXPECT_FALSE(parsed.invocation.has("coat"));
  EXPECT_EQ(parsed.invocation.text("tool"), "brush");
  EXPECT_EQ(parse({"paint", "w", "--spec", "S"}).invocation.spec, "S");
  EXPECT_EQ(parse({"--spec=S", "paint", "w"}).invocation.spec, "S");
  EXPECT_EQ(parse({"paint", "w"}).invocation.spec, "/etc/glance/glance-api.conf");
  EXPECT_EQ(parse({"--spec", "paint", "paint", "w"}).invocation.spec, "paint");
}

TEST_F(Calls, KeepTheOrderOfRepeatedOptionsAndEveryKindOfValue) {
  const auto parsed = parse({"paint", "--coat", "b", "--coat", "a", "--coat", "", "--coat", "-x",
                             "--coat=c=d e", "w", "--tool", ""});
  EXPECT_THAT(parsed.invocation.texts("coat"), ElementsAre("b", "a", "", "-x", "c=d e"));
  EXPECT_EQ(parsed.invocation.text("tool"), "");
  EXPECT_EQ(parsed.invocation.text("coat-less"), std::nullopt);
}

TEST_F(Calls, EndOptionsAtTwoDashes) {
  EXPECT_THAT(parse({"paint", "--", "--wet", "-c"}).invocation.arguments,
              ElementsAre("--wet", "-c"));
  EXPECT_THAT(parse({"paint", "-"}).invocation.arguments, ElementsAre("-"));
}

TEST_F(Calls, AskForHelpBeforeAnythingElseIsChecked) {
  EXPECT_EQ(parse({"--help"}).kind, Parsed::Kind::help);
  EXPECT_EQ(parse({"-h", "no-such-command"}).kind, Parsed::Kind::help);
  EXPECT_EQ(parse({"--version"}).kind, Parsed::Kind::version);
  const auto parsed = parse({"paint", "--help"});
  EXPECT_EQ(parsed.kind, Parsed::Kind::command_help);
  EXPECT_EQ(parsed.command->name, "paint");
}

TEST_F(Calls, ThatCannotBeUnderstoodAreRefused) {
  EXPECT_EQ(refusal({}), "a command is needed");
  EXPECT_EQ(refusal({"--spec", "S"}), "a command is needed");
  EXPECT_EQ(refusal({"draw"}), "unknown command 'draw'");
  EXPECT_EQ(refusal({"paint"}), "'paint' takes WALL [COLOUR]; 0 given");
  EXPECT_EQ(refusal({"paint", "a", "b", "c"}), "'paint' takes WALL [COLOUR]; 3 given");
  EXPECT_EQ(refusal({"--spec", "S", "paint", "w", "--spec", "S"}), "--spec is given twice");
  EXPECT_NE(refusal({"paint", "w", "--dry"}), "accepted");
  EXPECT_NE(refusal({"paint", "w", "--we"}), "accepted");  // abbreviations are none
  EXPECT_NE(refusal({"paint", "w", "--wet=very"}), "accepted");
  EXPECT_NE(refusal({"paint", "w", "--tool"}), "accepted");
  EXPECT_NE(refusal({"paint", "w", "--tool", "a", "--tool", "b"}), "accepted");
  EXPECT_NE(refusal({"--wet", "paint", "w"}), "accepted");
  EXPECT_NE(refusal({"paint", "w", "--version"}), "accepted");
}

TEST(Assignments, AreCutAtTheFirstSign) {
  EXPECT_THAT(split_assignment("a=b"), Pair("a", "b"));
  EXPECT_THAT(split_assignment("a="), Pair("a", ""));
  EXPECT_THAT(split_assignment("a=b=c"), Pair("a", "b=c"));
  EXPECT_THROW(static_cast<void>(split_assignment("a")), UsageError);
  EXPECT_THROW(static_cast<void>(split_assignment("=b")), UsageError);
  EXPECT_THROW(static_cast<void>(split_assignment("")), UsageError);
}

TEST(ExitCodes, AreNumberedAsDocumented) {
  int number = 0;
  for (const auto& [code, text] : exit_meanings()) {
    EXPECT_EQ(static_cast<int>(code), number++);
    EXPECT_FALSE(text.empty());
  }
  EXPECT_EQ(number, 6);
}

TEST(ExitCodes, TellDamageFromRefusalFromFailure) {
  EXPECT_EQ(exit_code_of(Errc::corrupt), ExitCode::problems);
  EXPECT_EQ(exit_code_of(Errc::ambiguous), ExitCode::no_such_image);
  EXPECT_EQ(exit_code_of(Errc::mismatch), ExitCode::refused);
  EXPECT_EQ(exit_code_of(Errc::unmet), ExitCode::refused);
  EXPECT_EQ(exit_code_of(Errc::protected_), ExitCode::refused);
  EXPECT_EQ(exit_code_of(Errc::no_space), ExitCode::failure);
  EXPECT_EQ(exit_code_of(Errc::busy), ExitCode::failure);
}

}  // namespace
}  // namespace glance::tool
