# SPDX-License-Identifier: Apache-2.0
"""Fixtures that give every test its own catalog, mounts and ports."""

import faulthandler
import os
import signal

import pytest

pytest.register_assert_rewrite("support")  # before the imports: failures then show the values

from support.actor import Actor
from support.bridge import BridgeSet
from support.catalogs import CatalogDir
from support.clients import GlanceCli, OpenStackCli
from support.images import random_file
from support.mounts import MountSet
from support.processes import SLOW
from support.warm_programs import WarmPrograms

DEFAULT_TIMEOUT = 90
STACKS = pytest.StashKey()


def pytest_configure(config):
    stop_ignoring_signals()
    config.stash[STACKS] = os.dup(2)  # where stacks are shown, also while output is captured
    faulthandler.register(signal.SIGTERM, config.stash[STACKS], all_threads=True, chain=True)


def stop_ignoring_signals():
    """A run in the background has inherited ignored signals; the programs under test must not."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, lambda *_: None)  # which exec(2) resets to the default


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="also run the tests marked slow")


def timeout_of(item):
    """The seconds that a test may take, before GLANCE_SLOW stretches them."""
    marker = item.get_closest_marker("timeout")
    return marker.args[0] if marker else DEFAULT_TIMEOUT


def pytest_collection_modifyitems(config, items):
    for item in items:
        limit = timeout_of(item) * SLOW
        item.add_marker(pytest.mark.timeout(limit, method="signal"), append=False)
    if config.getoption("--full"):
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in slow]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    """The time limit fails a test, once, and lets it clean up. Whoever hangs even then (a thread
    that nobody can end, a second wait for the same) ends with his process; xdist starts another."""
    limit = 2 * timeout_of(item) * SLOW
    faulthandler.dump_traceback_later(limit, exit=True, file=item.config.stash[STACKS])
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture(autouse=True)
def usual_umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def catalog_dir(tmp_path):
    """A place for an embedded catalog; the first program that opens it makes it."""
    return CatalogDir(tmp_path / "catalog")


@pytest.fixture
def daemon_limit(request):
    """The seconds that the daemon of a mount may take: before the test's time limit, which cannot
    interrupt whoever waits for a daemon that hangs."""
    return 0.8 * timeout_of(request.node)


@pytest.fixture
def mounts(tmp_path, daemon_limit):
    """Starts mounts: mounts.start(spec, options=…)."""
    with MountSet(tmp_path, daemon_limit) as mounts:
        yield mounts


@pytest.fixture
def mount(mounts, catalog_dir):
    """The catalog, mounted by a daemon of the test's own."""
    return mounts.start(catalog_dir)


@pytest.fixture
def bridges(tmp_path):
    """Starts bridges: bridges.start(spec)."""
    with BridgeSet(tmp_path) as bridges:
        yield bridges


@pytest.fixture
def bridge(bridges, catalog_dir):
    """The REST door of the catalog, on a free port."""
    return bridges.start(catalog_dir)


@pytest.fixture
def rest(bridge):
    return bridge.rest


@pytest.fixture(scope="session")
def warm_programs():
    """What runs the clients written in Python."""
    programs = WarmPrograms()
    yield programs
    programs.close()


@pytest.fixture
def openstack(warm_programs, bridge, tmp_path):
    return OpenStackCli(warm_programs, bridge.url, tmp_path / "home")


@pytest.fixture
def glance(warm_programs, bridge, tmp_path):
    return GlanceCli(warm_programs, bridge.url, tmp_path / "home")


@pytest.fixture
def actor():
    """Another process: actor.open(path, flags), actor.write(descriptor, data), actor.exit(3), …"""
    actor = Actor()
    yield actor
    actor.clean_up()


@pytest.fixture(scope="module")
def big_source(tmp_path_factory):
    """64 MiB that no compression or hole can shorten."""
    return random_file(tmp_path_factory.mktemp("sources") / "big.img", 64 << 20)


@pytest.fixture
def small_source(tmp_path):
    return random_file(tmp_path / "small.img", 300_001)
