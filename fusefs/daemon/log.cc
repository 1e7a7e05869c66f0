// SPDX-License-Identifier: Apache-2.0
#include "fusefs/daemon/log.h"

#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/sinks/syslog_sink.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalog/text/log_format.h"

namespace glance::fs {
namespace {

constexpr const char* kName = "glancefs";

constexpr char kPriorityFlag = '~';

std::string_view priority(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::critical:
      return "2";
    case spdlog::level::err:
      return "3";
    case spdlog::level::warn:
      return "4";
    case spdlog::level::info:
      return "6";
    case spdlog::level::debug:
    case spdlog::level::trace:
    case spdlog::level::off:
    case spdlog::level::n_levels:
      break;
  }
  return "7";
}

/// `%~`: syslog's number for the level.
class Priority final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&,
              spdlog::memory_buf_t& line) override {
    const std::string_view number = priority(message.level);
    line.append(number.data(), number.data() + number.size());
  }
  [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<Priority>();
  }
};

void use(spdlog::sink_ptr sink, const std::string& pattern, const std::string& line_end) {
  auto formatter = log_format(pattern, line_end);
  formatter->add_flag<Priority>(kPriorityFlag);
  formatter->set_pattern(pattern);
  auto logger = std::make_shared<spdlog::logger>(kName, std::move(sink));
  logger->set_formatter(std::move(formatter));
  logger->flush_on(spdlog::level::trace);
  logger->set_level(spdlog::get_level());
  spdlog::set_default_logger(std::move(logger));
}

/// Whether stderr is the very stream that the service manager connected with the journal, and not
/// a file that somebody put in its place.
bool leads_to_journal(int fd) {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat status{};
  return stream != nullptr && ::fstat(fd, &status) == 0 &&
         stream == std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
}

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::error:
      break;
  }
  return spdlog::level::err;
}

}  // namespace

void log_to_stderr() {
  const bool journal = leads_to_journal(STDERR_FILENO);
  use(std::make_shared<spdlog::sinks::stderr_sink_mt>(),
      journal ? "<%~>%v" : "%Y-%m-%dT%H:%M:%S.%e [%l] %v", "\n");
}

void log_to_syslog() {
  use(std::make_shared<spdlog::sinks::syslog_sink_mt>(kName, LOG_PID, LOG_DAEMON,
                                                      /*enable_formatting=*/true),
      "%v", "");
}

void set_log_level(LogLevel level) {
  spdlog::set_level(to_spdlog(level));
}

}  // namespace glance::fs
