// SPDX-License-Identifier: Apache-2.0
// glancefs: mounts an image catalog.

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/program_options.hpp>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/sinks/syslog_sink.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalog/catalog.h"
#include "fusefs/background.h"
#include "fusefs/kernel.h"
#include "fusefs/mount_options.h"
#include "version.h"

namespace {

namespace po = boost::program_options;
using glance::Catalog;
using glance::Errc;
using glance::Error;
using glance::fs::Invocation;

// mount(8)'s exit codes.
constexpr int kUsageError = 1;
constexpr int kMountFailure = 32;

constexpr const char* kUsage =
    "usage: glancefs SPEC DIR [-o OPTION[,OPTION…]] [-f]\n"
    "\n"
    "Mounts the image catalog SPEC (a glance-api.conf, a directory or a database URL) on DIR.\n"
    "\n"
    "  -o OPTIONS        create             make the catalog if there is none\n"
    "                    ro, rw             read-only or not\n"
    "                    allow_other        other users may use the mount (root's default)\n"
    "                    uid=U, gid=G       owner and group of the files, by name or number\n"
    "                    umask=OCTAL        permissions that are taken away (022)\n"
    "                    owner=PROJECT      project that new images belong to\n"
    "                    visibility=V       of new images: public, private, shared, community\n"
    "                    overwrite=HOW      cp over an image's file: refuse, replace (refuse)\n"
    "                    replaced=FATE      of an image that is replaced: delete, hide (delete)\n"
    "                    commit_linger=SEC  a file closed after random access is published so\n"
    "                                       much later, unless it is opened again (10)\n"
    "                    drain=SEC          how long uploads may go on after SIGTERM (10)\n"
    "                    show_views         list .by-id, .by-tag and the digest files\n"
    "                    log_level=LEVEL    debug, info, warning, error (info)\n"
    "                    noallow_other, nocreate, noshow_views\n"
    "                    nosuid, noexec, …  mount(8)'s own flags\n"
    "  -f, --foreground  stay in the foreground and log to stderr\n"
    "  -h, --help        print this and exit\n"
    "      --version     print the version and exit\n";

/// Nothing when the invocation was answered already (--help, --version).
std::optional<Invocation> parse_arguments(int argc, char** argv) {
  Invocation invocation;
  std::vector<std::string> option_lists;
  po::options_description options;
  options.add_options()("help,h", "")("version", "")("foreground,f", "")(
      "options,o", po::value(&option_lists))("spec", po::value(&invocation.spec))(
      "directory", po::value(&invocation.directory));
  po::positional_options_description positional;
  positional.add("spec", 1).add("directory", 1);
  po::variables_map values;
  po::store(po::command_line_parser(argc, argv).options(options).positional(positional).run(),
            values);
  po::notify(values);
  if (values.contains("help")) {
    std::cout << kUsage;
    return std::nullopt;
  }
  if (values.contains("version")) {
    std::cout << "glancefs " << glance::kVersion << '\n';
    return std::nullopt;
  }
  if (invocation.directory.empty()) throw po::error("SPEC and DIR are needed");
  invocation.foreground = values.contains("foreground");
  invocation.options = glance::fs::default_options(::getuid(), ::getgid());
  try {
    for (const auto& list : option_lists) {
      glance::fs::apply_options(glance::fs::split_options(list), invocation.options);
    }
  } catch (const Error& error) {
    throw po::error(error.what());
  }
  return invocation;
}

/// The mount point as mountinfo will show it. Error: not_found, invalid.
std::string checked_directory(const std::string& directory) {
  std::error_code error;
  const auto path = std::filesystem::canonical(directory, error);
  if (error) glance::throw_errno(error.value(), "mount point " + directory);
  if (!std::filesystem::is_directory(path)) {
    throw Error(Errc::invalid, "mount point " + directory + " is not a directory");
  }
  return path;
}

/// Opens, recovers, mounts and serves until the end.
void serve(const glance::Config& config, const Invocation& invocation,
           const std::function<void()>& mounted) {
  // A file over the process's size limit is an error of one write, not the end of the daemon.
  std::signal(SIGXFSZ, SIG_IGN);
  const auto catalog = Catalog::open(config, invocation.options.create);
  if (!invocation.options.read_only) catalog->recover();
  glance::fs::Mount mount(*catalog, invocation);
  spdlog::info("{} is mounted on {}", invocation.spec, invocation.directory);
  mounted();
  mount.run();
  spdlog::info("{} is unmounted", invocation.directory);
}

void log_to_syslog() {
  spdlog::set_default_logger(std::make_shared<spdlog::logger>(
      "glancefs", std::make_shared<spdlog::sinks::syslog_sink_mt>("glancefs", LOG_PID, LOG_DAEMON,
                                                                  /*enable_formatting=*/false)));
}

void serve_in_background(const glance::Config& config, const Invocation& invocation) {
  const std::string failure = glance::fs::run_in_background([&](glance::fs::StartReport& report) {
    bool told = false;
    try {
      log_to_syslog();
      serve(config, invocation, [&] {
        told = true;
        report.ready();
      });
    } catch (const std::exception& error) {
      if (!told) report.failed(error.what());
      spdlog::error("{}", error.what());
      std::exit(kMountFailure);
    }
  });
  if (!failure.empty()) throw Error(Errc::io, failure);
  // Whoever waits for us wants to use the mount: its root must answer.
  struct stat root{};
  if (::stat(invocation.directory.c_str(), &root) != 0) {
    glance::throw_errno(errno, invocation.directory);
  }
}

}  // namespace

int main(int argc, char** argv) {
  spdlog::set_default_logger(spdlog::stderr_logger_mt("glancefs"));
  try {
    auto invocation = parse_arguments(argc, argv);
    if (!invocation) return EXIT_SUCCESS;
    const auto config = glance::read_spec(invocation->spec, invocation->options.create);
    invocation->directory = checked_directory(invocation->directory);
    if (invocation->foreground) {
      serve(config, *invocation, [] {});
    } else {
      serve_in_background(config, *invocation);
    }
    return EXIT_SUCCESS;
  } catch (const po::error& error) {
    std::cerr << "glancefs: " << error.what() << "; see glancefs --help\n";
    return kUsageError;
  } catch (const std::exception& error) {
    std::cerr << "glancefs: " << error.what() << '\n';
    return kMountFailure;
  }
}
