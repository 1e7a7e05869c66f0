// SPDX-License-Identifier: Apache-2.0
#include "catalog/text/log_format.h"

#include "catalog/text/one_line.h"

namespace glance {
namespace {

constexpr char kMessageFlag = 'v';

class Message final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&,
              spdlog::memory_buf_t& line) override {
    const std::string text = one_line({message.payload.data(), message.payload.size()});
    line.append(text.data(), text.data() + text.size());
  }
  [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<Message>();
  }
};

}  // namespace

std::unique_ptr<spdlog::pattern_formatter> log_format(const std::string& pattern,
                                                      const std::string& line_end) {
  auto formatter = std::make_unique<spdlog::pattern_formatter>(
      pattern, spdlog::pattern_time_type::local, line_end);
  formatter->add_flag<Message>(kMessageFlag);
  formatter->set_pattern(pattern);  // compiled anew, with the flag
  return formatter;
}

}  // namespace glance
