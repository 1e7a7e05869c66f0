// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fusefs/base/mount_options.h"

namespace glance::fs {

/// Sends the log to stderr: with time and level for a terminal or a file; for the journal, where
/// stderr leads there (JOURNAL_STREAM, systemd.exec(5)), with the level as sd-daemon(3) has it.
/// However a line came about, it stays one line: see one_line().
void log_to_stderr();

/// Sends the log to syslog(3), facility daemon, which is the journal on a machine with systemd.
void log_to_syslog();

void set_log_level(LogLevel level);

}  // namespace glance::fs
