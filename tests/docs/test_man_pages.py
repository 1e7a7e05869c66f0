# SPDX-License-Identifier: Apache-2.0
"""The manual pages against the programs, both ways, and the examples."""

import re

import pytest

from support.processes import REPOSITORY, program, run

DOCS = REPOSITORY / "docs"
PROGRAMS = ["glancefs", "mount.glance", "glance-catalog", "glance-api-bridge"]
PAGES = sorted(path.name for path in (DOCS / "man").glob("*.scd"))

OPTION = re.compile(r"(?<![\w-])--?[A-Za-z][\w-]*")


def page(name):
    return (DOCS / "man" / f"{name}.scd").read_text()


def section(name, title):
    """The text of one section of a page."""
    return page(name).partition(f"# {title}\n")[2].partition("\n# ")[0]


def help_of(name):
    result = run(program(name), "--help")
    assert result.stderr == ""
    return result.stdout


def helped_options(name):
    """The options that --help has a line for."""
    options = set()
    for definition in re.findall(r"(?m)^ +(-.*?)(?: {2,}|$)", help_of(name)):
        options.update(OPTION.findall(definition))
    return options


def documented_options(name):
    """The options that the page has a paragraph for: its first line begins with them."""
    options = set()
    for definition in re.findall(r"(?m)^\t*(\*-.*)$", page(name)):
        options.update(OPTION.findall(definition.replace("*", "")))
    return options


@pytest.mark.parametrize("name", PROGRAMS)
def test_page_and_help_name_the_same_options(name):
    assert (DOCS / "man" / f"{name}.8.scd").is_file(), f"{name} has no manual page"
    assert documented_options(f"{name}.8") == helped_options(name)


@pytest.mark.parametrize("name", PAGES)
def test_the_pages_are_rendered_without_a_warning(name, tmp_path):
    source = (DOCS / "man" / name).read_text()
    rendered = tmp_path / name.removesuffix(".scd")
    rendered.write_text(run("scdoc", input=source).stdout)
    # The lines of man(1)'s own pager and cache are not asked for.
    words = run("man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", rendered)
    assert words.stderr == ""
    assert "TODO" not in source


@pytest.mark.parametrize("name", PAGES)
def test_the_pages_have_what_a_page_has(name):
    titles = re.findall(r"(?m)^# (.+)$", page(name.removesuffix(".scd")))
    assert titles[0] == "NAME"
    wanted = {"NAME", "DESCRIPTION", "EXAMPLES", "SEE ALSO"}
    if name.endswith(".8.scd"):
        wanted |= {"SYNOPSIS", "OPTIONS", "EXIT STATUS"}
    assert wanted <= set(titles)


@pytest.mark.parametrize("name", ["glancefs", "mount.glance"])
def test_page_help_and_table_name_the_same_exit_codes(name):
    helped = re.findall(r"(?m)^  (\d+) ", help_of(name).partition("Exit codes:\n")[2])
    documented = re.findall(r"(?m)^\*(\d+)\*$", section(f"{name}.8", "EXIT STATUS"))
    table = (DOCS / "exit-codes.md").read_text().partition(f"## {name}\n")[2].partition("\n## ")[0]
    assert helped == documented == re.findall(r"(?m)^\| (\d+) \|", table)
    assert helped == ["0", "1", "2", "8", "32"]


# ── the mount's options ───────────────────────────────────────────────────────────────────────


def helped_mount_options():
    """What --help says of -o."""
    names = set()
    for definition in re.findall(r"(?m)^ {20}(\w.*?)(?: {2,}|$)", help_of("glancefs")):
        names.update(re.findall(r"\b([a-z_]+)(?==[A-Z]|,|$)", definition))
    # The rest of a sentence is no option: those are known by the program.
    return {name for name in names if is_option(name)}


def is_option(name):
    """Whether glancefs knows the word as a flag or with a value."""
    words = [run(program("glancefs"), "/", "/", "--check", "-o", option, check=False).stderr
             for option in (name, f"{name}=")]
    return not all("unknown mount option" in text for text in words)


def documented_mount_options():
    names = set()
    for definition in re.findall(r"(?m)^(\*[a-z].*)$", section("glancefs.8", "MOUNT OPTIONS")):
        names.update(re.findall(r"\*([a-z_]+)=?\*", definition))
    return names


def test_page_and_help_name_the_same_mount_options():
    """But for mount(8)'s own, of which the help names two."""
    kernel = {"suid", "dev", "exec", "atime", "async", "dirsync", "sync"}
    kernel |= {f"no{name}" for name in kernel}
    documented = documented_mount_options()
    assert documented - kernel == helped_mount_options() - kernel
    assert all(is_option(name) for name in documented)


def test_every_mount_option_has_its_key_in_the_section_glancefs():
    keys = set()
    for definition in re.findall(r"(?m)^(\*.*)$", section("glancefs.conf.5", "SECTION [glancefs]")):
        keys.update(re.findall(r"\*([a-z_]+)\*", definition))
    options = {name for name in helped_mount_options() if not name.startswith("no")}
    assert keys == options - {"rw"}


@pytest.mark.parametrize("key", ["create", "ro", "allow_other", "uid", "gid", "umask", "owner",
                                 "visibility", "overwrite", "replaced", "commit_linger", "drain",
                                 "show_views", "log_level"])
def test_a_key_of_the_section_glancefs_is_read(tmp_path, key):
    config = tmp_path / "glance-api.conf"
    config.write_text(f"[database]\nconnection = sqlite:////g.sqlite\n[glancefs]\n{key} =\n")
    result = run(program("glancefs"), config, tmp_path, "--check", check=False)
    assert result.returncode == 32
    assert f"{config}:4: [glancefs] {key}: '' is not " in result.stderr


# ── the configuration file ────────────────────────────────────────────────────────────────────


def keys_in_source():
    """The keys that the catalog's reader asks for, `{"section", "key"}` in the source."""
    keys = set()
    for source in (REPOSITORY / "catalog/config").glob("*.cc"):
        code = re.sub(r"//.*", "", source.read_text())
        keys.update(re.findall(r'\{"(?:[A-Za-z_]+)", "([a-z_]+)"\}', code))
        keys.update(re.findall(r'\{section, "([a-z_]+)"\}', code))
    return keys


def test_every_key_of_the_configuration_is_documented():
    known = keys_in_source()
    assert {"connection", "filesystem_store_datadir", "image_size_cap"} <= known
    text = page("glancefs.conf.5")
    bridge = DOCS / "man/glance-api-bridge.8.scd"
    if bridge.is_file():
        text += bridge.read_text()
    undocumented = {key for key in known if f"*{key}*" not in text}
    assert undocumented == set()


def test_no_key_is_documented_that_nothing_reads():
    known = keys_in_source()
    for title in ("[database]", "[DEFAULT]", "[glance_store]", "[image_format]"):
        text = section("glancefs.conf.5", f"SECTION {title}")
        for definition in re.findall(r"(?m)^(\*.*)$", text):
            for key in re.findall(r"\*([a-z_]+)\*", definition):
                assert key in known, f"{title} {key}"


# ── examples ──────────────────────────────────────────────────────────────────────────────────


def without_comments(text):
    return "\n".join(line for line in text.strip().splitlines() if not line.startswith("#"))


def test_the_mount_unit_of_the_manual_is_the_example():
    unit = without_comments((DOCS / "examples/srv-images.mount").read_text())
    lines = set(section("mount.glance.8", "EXAMPLES").splitlines())
    assert set(unit.splitlines()) - {"Documentation=man:mount.glance(8) man:glancefs(8)"} <= lines


def test_the_mount_unit_and_its_fstab_line_say_the_same():
    text = (DOCS / "examples/srv-images.mount").read_text()
    unit = dict(re.findall(r"(?m)^(\w+)=(.*)$", text))
    (line,) = re.findall(r"(?m)^# +(/etc/glance.*)$", text)
    what, where, kind, options, *_ = line.split()
    assert (what, where, kind, options) == (
        unit["What"], unit["Where"], unit["Type"], unit["Options"]
    )


def test_systemd_accepts_the_mount_unit():
    unit = DOCS / "examples/srv-images.mount"
    result = run("systemd-analyze", "verify", "--man=no", unit, check=False)
    complaints = [line for line in result.stderr.splitlines() if "srv-images.mount" in line]
    assert complaints == []
