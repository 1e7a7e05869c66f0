// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/operation/reporter.h"

#include <chrono>
#include <cstdint>
#include <mutex>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include "api-bridge/operation/access_log.h"
#include "api-bridge/wire/http.h"
#include "catalog/text/log_format.h"

namespace glance::api {
namespace {

constexpr auto kPattern = "%Y-%m-%dT%H:%M:%S.%e [%l] %v";

// Of warnings, and of errors. Clients can cause many of them: a failed upload is one.
constexpr std::uint64_t kTroubleLines = 1000;
constexpr std::chrono::minutes kTroubleTime{1};
// Of what comes with each connection, when there are too many.
constexpr std::chrono::seconds kCrowdTime{10};

class LogFileSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit LogFileSink(std::shared_ptr<LogFile> file) : file_(std::move(file)) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    if (auto* limit = limit_of(message.level)) {
      const auto kept_back = limit->admit();
      if (!kept_back) return;
      if (*kept_back > 0) tell_of(*kept_back, message);
    }
    write(message);
  }
  void flush_() override {}

 private:
  LogLimit* limit_of(spdlog::level::level_enum level) {
    if (level == spdlog::level::warn) return &warnings_;
    return level == spdlog::level::err ? &errors_ : nullptr;
  }

  void tell_of(std::uint64_t kept_back, const spdlog::details::log_msg& message) {
    const auto text = fmt::format("{} lines of this level were kept back: there were over {} in {}",
                                  kept_back, kTroubleLines, kTroubleTime);
    write({message.logger_name, message.level, text});
  }

  void write(const spdlog::details::log_msg& message) {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    file_->append({line.data(), line.size()});
  }

  const std::shared_ptr<LogFile> file_;
  LogLimit warnings_{kTroubleLines, kTroubleTime};
  LogLimit errors_{kTroubleLines, kTroubleTime};
};

std::shared_ptr<LogFile> open_access_log(const BridgeConfig& config,
                                         const std::shared_ptr<LogFile>& log) {
  if (!config.log_accesses) return nullptr;
  if (config.access_log.empty()) return log;
  return std::make_shared<LogFile>(config.access_log);
}

}  // namespace

Reporter::Reporter(const BridgeConfig& config)
    : log_(std::make_shared<LogFile>(config.log_file)),
      access_log_(open_access_log(config, log_)),
      refusals_(1, kCrowdTime),
      failures_(1, kCrowdTime) {
  auto logger =
      std::make_shared<spdlog::logger>("glance-api-bridge", std::make_shared<LogFileSink>(log_));
  logger->set_formatter(log_format(kPattern));
  logger->set_level(config.debug ? spdlog::level::debug : spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

void Reporter::reopen_logs() {
  try {
    log_->reopen();
    if (access_log_) access_log_->reopen();
    spdlog::info("logs opened anew");
  } catch (const std::exception& error) {
    spdlog::error("keeping the old log: {}", error.what());
  }
}

void Reporter::connection_refused() {
  metrics_.connection_refused();
  if (const auto kept_back = refusals_.admit()) {
    spdlog::warn("refused a connection: there are too many (max_connections){}",
                 and_more(*kept_back));
  }
}

void Reporter::accepting_failed(std::string_view why) {
  if (const auto kept_back = failures_.admit()) {
    spdlog::warn("cannot accept a connection: {}{}", why, and_more(*kept_back));
  }
}

void Reporter::request_ended(const RequestRecord& record) {
  metrics_.request_ended(record);
  if (access_log_) access_log_->append(access_line(record, std::chrono::system_clock::now()));
}

}  // namespace glance::api
