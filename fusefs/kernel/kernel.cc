// SPDX-License-Identifier: Apache-2.0
#include "fusefs/kernel/kernel.h"

#include <array>
#include <chrono>
#include <cstring>
#include <exception>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <poll.h>
#include <pthread.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "fusefs/daemon/end_signals.h"
#include "fusefs/daemon/mount_table.h"
#include "fusefs/daemon/start_failure.h"
#include "fusefs/kernel/cache_keeper.h"
#include "fusefs/kernel/filesystem.h"
#include "fusefs/kernel/fuse_log.h"
#include "fusefs/kernel/fuse_options.h"
#include "fusefs/kernel/operations.h"
#include "fusefs/kernel/own_device.h"
#include "fusefs/kernel/stderr_capture.h"
#include "fusefs/kernel/wake_signal.h"

namespace glance::fs {

namespace {

// Requests in flight: reads and seals block on disk, so more than there are cores.
constexpr unsigned kMaxThreads = 16;
constexpr unsigned kMaxIdleThreads = 8;

// How often a drain looks whether the uploads have ended.
constexpr std::chrono::milliseconds kDrainPoll{20};
constexpr std::chrono::milliseconds kForEver{-1};

/// An ordinary user's mount fails for want of a right, nearly always: fusermount3 says which.
ExitCode code_of_refusal() {
  return ::geteuid() == 0 ? ExitCode::mount : ExitCode::usage;
}

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
    take_fuse_log();
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
