// SPDX-License-Identifier: Apache-2.0
#include "fusefs/kernel/kernel.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <spdlog/spdlog.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalog/os/unique_fd.h"
#include "fusefs/daemon/end_signals.h"
#include "fusefs/daemon/mount_table.h"
#include "fusefs/daemon/start_failure.h"
#include "fusefs/kernel/cache_keeper.h"
#include "fusefs/kernel/filesystem.h"
#include "fusefs/kernel/operations.h"
#include "fusefs/kernel/own_device.h"

namespace glance::fs {

namespace {

// Requests in flight: reads and seals block on disk, so more than there are cores.
constexpr unsigned kMaxThreads = 16;
constexpr unsigned kMaxIdleThreads = 8;

// How often a drain looks whether the uploads have ended.
constexpr std::chrono::milliseconds kDrainPoll{20};
constexpr std::chrono::milliseconds kForEver{-1};

/// libfuse splits its options at commas.
std::string escape_commas(const std::string& value) {
  std::string escaped;
  for (const char c : value) {
    if (c == ',' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string fuse_option_list(const Invocation& invocation) {
  const MountOptions& options = invocation.options;
  std::string list = "fsname=" + escape_commas(invocation.spec) + ",subtype=glance";
  list += ",default_permissions";
  if (options.allow_other) list += ",allow_other";
  list += options.read_only ? ",ro" : ",rw";
  for (const auto& flag : options.kernel) list += "," + flag;
  return list;
}

/// libfuse's words, and those of fusermount3, which it runs: what is written to stderr while this
/// lives is kept. No other thread may write to stderr meanwhile.
class StderrCapture {
 public:
  StderrCapture()
      : kept_(::memfd_create("stderr", MFD_CLOEXEC)),
        before_(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)) {
    if (kept_ && before_) ::dup2(kept_.get(), STDERR_FILENO);
  }
  ~StderrCapture() {
    if (kept_ && before_) ::dup2(before_.get(), STDERR_FILENO);
  }
  StderrCapture(const StderrCapture&) = delete;
  StderrCapture& operator=(const StderrCapture&) = delete;

  /// The first line: later ones repeat it in more general words.
  [[nodiscard]] std::string first_line() const {
    std::array<char, 1024> buffer{};
    const ssize_t count = ::pread(kept_.get(), buffer.data(), buffer.size(), 0);
    if (count <= 0) return {};
    const std::string_view text(buffer.data(), static_cast<std::size_t>(count));
    return std::string(text.substr(0, text.find('\n')));
  }

 private:
  UniqueFd kept_;
  UniqueFd before_;
};

/// An ordinary user's mount fails for want of a right, nearly always: fusermount3 says which.
ExitCode code_of_refusal() {
  return ::geteuid() == 0 ? ExitCode::mount : ExitCode::usage;
}

spdlog::level::level_enum level_of(fuse_log_level level) {
  if (level <= FUSE_LOG_ERR) return spdlog::level::err;
  if (level == FUSE_LOG_WARNING) return spdlog::level::warn;
  return level == FUSE_LOG_DEBUG ? spdlog::level::debug : spdlog::level::info;
}

__attribute__((format(printf, 2, 0))) void log_for_fuse(fuse_log_level level, const char* format,
                                                        std::va_list values) {
  std::array<char, 1024> buffer{};
  std::vsnprintf(buffer.data(), buffer.size(), format, values);
  std::string_view text(buffer.data());
  while (text.ends_with('\n')) text.remove_suffix(1);
  spdlog::log(level_of(level), "{}", text);
}

/// A signal that does nothing but interrupt what its thread waits for.
class WakeSignal {
 public:
  WakeSignal() {
    struct sigaction action{};
    action.sa_handler = [](int) {};
    ::sigaction(number(), &action, &before_);
  }
  ~WakeSignal() { ::sigaction(number(), &before_, nullptr); }
  WakeSignal(const WakeSignal&) = delete;
  WakeSignal& operator=(const WakeSignal&) = delete;

  static void send_to(pthread_t thread) noexcept { ::pthread_kill(thread, number()); }

 private:
  static int number() noexcept { return SIGRTMIN; }

  struct sigaction before_{};
};

}  // namespace

class Mount::Session {
 public:
  Session(Catalog& catalog, const Invocation& invocation, MountNamespace name_space)
      : name_space_(std::move(name_space)),
        drain_(invocation.options.drain),
        cache_keeper_([this] { filesystem_.refresh(); },
                      [this] { own_the_device_alone(fuse_session_fd(session_)); },
                      [this](const Invalidation& each) { forget(each); }),
        filesystem_(catalog, invocation.options, [this](std::vector<Invalidation> changed) {
          cache_keeper_.enqueue(std::move(changed));
        }) {
    name_space_.within([&] { mount(invocation); });
    fuse_set_log_func(log_for_fuse);
    try {
      const auto top = topmost_mount(name_space_.mount_table(), invocation.directory);
      if (top) filesystem_.files().set_device(top->device);
    } catch (...) {
      unmount();
      throw;
    }
    name_space_.let_go();
  }

  ~Session() {
    cache_keeper_.stop();
    unmount();
    filesystem_.files().close_all();
  }

  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void run(const std::function<void()>& on_end) {
    const WakeSignal wake;
    cache_keeper_.start();
    std::thread watcher([&, loop = ::pthread_self()] { end_by_signal(loop, on_end); });
    fuse_loop_config* config = fuse_loop_cfg_create();
    fuse_loop_cfg_set_max_threads(config, kMaxThreads);
    fuse_loop_cfg_set_idle_threads(config, kMaxIdleThreads);
    const int result = fuse_session_loop_mt(session_, config);
    fuse_loop_cfg_destroy(config);
    signals_.stop();
    watcher.join();
    EndSignals::ignore();
    if (!ending_) on_end();
    if (result < 0) throw Error(Errc::io, std::string("FUSE loop: ") + std::strerror(-result));
  }

 private:
  void mount(const Invocation& invocation) {
    const std::string list = fuse_option_list(invocation);
    std::array<std::string, 3> arguments = {"glancefs", "-o", list};
    std::array<char*, 3> pointers = {arguments[0].data(), arguments[1].data(), arguments[2].data()};
    fuse_args args = FUSE_ARGS_INIT(static_cast<int>(pointers.size()), pointers.data());
    const auto operations = make_operations();
    const StderrCapture words;
    session_ = fuse_session_new(&args, &operations, sizeof operations, &filesystem_);
    fuse_opt_free_args(&args);
    if (session_ == nullptr) {
      throw StartFailure(ExitCode::mount, "FUSE refused the mount options: " + words.first_line());
    }
    if (fuse_session_mount(session_, invocation.directory.c_str()) != 0) {
      fuse_session_destroy(session_);
      throw StartFailure(code_of_refusal(),
                         "cannot mount on " + invocation.directory + ": " + words.first_line());
    }
  }

  /// Whether the kernel has let go of the device: somebody has unmounted, or the mount went with
  /// its namespace.
  [[nodiscard]] bool is_unmounted() const noexcept {
    pollfd device{fuse_session_fd(session_), 0, 0};
    return ::poll(&device, 1, 0) == 1 && (device.revents & POLLERR) != 0;
  }

  void unmount() noexcept {
    try {
      // Where nothing is mounted any more this only frees, and the namespace may be gone.
      if (is_unmounted()) {
        fuse_session_unmount(session_);
      } else {
        name_space_.within([this] { fuse_session_unmount(session_); });
      }
    } catch (const std::exception& error) {
      // The namespace may have gone this moment.
      if (is_unmounted()) {
        fuse_session_unmount(session_);
      } else {
        spdlog::error("cannot unmount: {}", error.what());
      }
    }
    fuse_session_destroy(session_);
  }

  void forget(const Invalidation& each) {
    // ENOENT says that the kernel had nothing cached.
    if (each.inode != 0) fuse_lowlevel_notify_inval_inode(session_, each.inode, -1, 0);
    if (each.parent != 0) {
      fuse_lowlevel_notify_inval_entry(session_, each.parent, each.name.c_str(), each.name.size());
    }
  }

  /// The watcher's life: returns when the loop has ended.
  void end_by_signal(pthread_t loop, const std::function<void()>& on_end) {
    if (signals_.wait(kForEver) != EndSignals::Event::signal) return;
    ending_ = true;
    on_end();
    drain();
    // While requests are still answered: the keeper may wait for the lock of a directory whose
    // holder waits for an answer.
    cache_keeper_.stop();
    // libfuse looks at the flag when its wait is interrupted; the interruption may come too early.
    do {
      fuse_session_exit(session_);
      WakeSignal::send_to(loop);
    } while (signals_.wait(kDrainPoll) != EndSignals::Event::stopped);
  }

  /// Gives the uploads that run their time.
  void drain() {
    filesystem_.files().begin_drain();
    if (!filesystem_.files().has_open_writers()) return;
    spdlog::info("ending: uploads in progress have {} seconds left", drain_.count());
    const auto end = std::chrono::steady_clock::now() + drain_;
    while (filesystem_.files().has_open_writers()) {
      if (std::chrono::steady_clock::now() >= end) {
        spdlog::warn("ending: uploads that are not finished are taken back");
        return;
      }
      if (signals_.wait(kDrainPoll) != EndSignals::Event::timeout) return;
    }
  }

  EndSignals signals_;  // the first: no thread of ours may be interrupted
  MountNamespace name_space_;
  const std::chrono::seconds drain_;
  bool ending_ = false;  // the watcher's, and run()'s after it has ended
  CacheKeeper cache_keeper_;
  Filesystem filesystem_;
  fuse_session* session_ = nullptr;
};

Mount::Mount(Catalog& catalog, const Invocation& invocation, MountNamespace name_space)
    : session_(std::make_unique<Session>(catalog, invocation, std::move(name_space))) {}

Mount::~Mount() = default;

void Mount::run(const std::function<void()>& on_end) {
  session_->run(on_end);
}

}  // namespace glance::fs
