// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/operation/reporter.h"

#include <mutex>
#include <utility>

#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include "api-bridge/operation/access_log.h"
#include "api-bridge/wire/http.h"
#include "catalog/text/log_format.h"

namespace glance::api {
namespace {

constexpr auto kPattern = "%Y-%m-%dT%H:%M:%S.%e [%l] %v";

class LogFileSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit LogFileSink(std::shared_ptr<LogFile> file) : file_(std::move(file)) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    file_->append({line.data(), line.size()});
  }
  void flush_() override {}

 private:
  const std::shared_ptr<LogFile> file_;
};

std::shared_ptr<LogFile> open_access_log(const BridgeConfig& config,
                                         const std::shared_ptr<LogFile>& log) {
  if (!config.log_accesses) return nullptr;
  if (config.access_log.empty()) return log;
  return std::make_shared<LogFile>(config.access_log);
}

}  // namespace

Reporter::Reporter(const BridgeConfig& config)
    : log_(std::make_shared<LogFile>(config.log_file)), access_log_(open_access_log(config, log_)) {
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
  spdlog::warn("refused a connection: there are too many (max_connections)");
}

void Reporter::request_ended(const RequestRecord& record) {
  metrics_.request_ended(record);
  if (access_log_) access_log_->append(access_line(record, std::chrono::system_clock::now()));
}

}  // namespace glance::api
