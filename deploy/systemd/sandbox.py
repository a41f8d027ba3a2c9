"""Runs a command under what strayline.service asks for, where no systemd can be booted.

`/usr/bin/python3 -m deploy.systemd.sandbox [--bind DIR] -- COMMAND...` reads the unit and makes with bubblewrap and
seccomp what systemd would: a read-only root, private /tmp and /dev, a user of its own without capabilities, no new
privileges, state and cache directories as the only places to write, the unit's environment, and its system-call and
address-family filters (the groups are expanded by systemd-analyze itself). NOTIFY_SOCKET and WATCHDOG_USEC pass
through. It needs root, Debian's bubblewrap and python3-seccomp, hence Debian's own Python and no other library; what
it runs must be readable by anybody, and not under /root or /home.
"""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import seccomp

UNIT = Path(__file__).with_name("strayline.service")
USER = 61184  # the first of systemd's dynamic users
# A directive of the unit -> how bubblewrap is asked for it.
FLAGS = {
    "PrivateUsers": ["--unshare-user"],
    "PrivateTmp": ["--tmpfs", "/tmp", "--tmpfs", "/var/tmp"],  # noqa: S108 - the sandbox's own
    "PrivateDevices": ["--dev", "/dev", "--tmpfs", "/dev/shm"],  # noqa: S108
    "ProtectHome": ["--tmpfs", "/home", "--tmpfs", "/root"],
    "ProtectHostname": ["--unshare-uts"],
    "ProtectControlGroups": ["--unshare-cgroup-try"],
    "RemoveIPC": ["--unshare-ipc"],
    "CapabilityBoundingSet": ["--cap-drop", "ALL"],
    "KeyringMode": ["--new-session"],
}
_FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10, "AF_NETLINK": 16}


def directives(unit: Path) -> dict[str, list[str]]:
    """Return the [Service] section: every directive with its values in order."""
    found: dict[str, list[str]] = {}
    section = ""
    for line in unit.read_text().splitlines():
        text = line.strip()
        if text.startswith("["):
            section = text
        elif section == "[Service]" and "=" in text and not text.startswith("#"):
            name, _, value = text.partition("=")
            found.setdefault(name, []).append(value)
    return found


def system_calls(filters: Sequence[str]) -> set[str]:
    """Return the names that SystemCallFilter= lines allow: the first is a list of what may, `~` takes away."""
    allowed: set[str] = set()
    for value in filters:
        names = {name for word in value.removeprefix("~").split() for name in _expand(word)}
        allowed = allowed - names if value.startswith("~") else allowed | names
    return allowed


def _expand(word: str) -> set[str]:
    if not word.startswith("@"):
        return {word}
    done = subprocess.run(  # noqa: S603 - a word of our own unit
        ["/usr/bin/systemd-analyze", "syscall-filter", "--no-pager", word], capture_output=True, text=True, check=True
    )
    lines = [line.strip() for line in done.stdout.splitlines()[1:]]
    names = {line for line in lines if line and not line.startswith("#")}
    return {inner for name in names for inner in _expand(name)}


def filter_program(service: dict[str, list[str]]) -> int:
    """Write the seccomp program to a file and return its descriptor, open at the start."""
    program = seccomp.SyscallFilter(seccomp.ERRNO(errno.EPERM))
    families = {_FAMILIES[name] for value in service["RestrictAddressFamilies"] for name in value.split()}
    for name in sorted(system_calls(service["SystemCallFilter"])):
        try:
            number = seccomp.resolve_syscall(seccomp.Arch(), name)
        except ValueError:
            continue  # a call this processor or this libseccomp does not have
        if number < 0:
            continue
        if name == "socket":
            for family in families:
                program.add_rule(seccomp.ALLOW, name, seccomp.Arg(0, seccomp.EQ, family))
        elif name == "clone" and service.get("RestrictNamespaces") == ["yes"]:
            namespaces = 0x7E020080  # every CLONE_NEW* flag
            program.add_rule(seccomp.ALLOW, name, seccomp.Arg(0, seccomp.MASKED_EQ, namespaces, 0))
        elif name == "clone3" and service.get("RestrictNamespaces") == ["yes"]:
            program.add_rule(seccomp.ERRNO(errno.ENOSYS), name)  # its flags are out of reach; the C library uses clone
        elif name not in {"unshare", "setns"}:
            program.add_rule(seccomp.ALLOW, name)
    file = tempfile.TemporaryFile()  # noqa: SIM115 - it lives on in the child
    program.export_bpf(file)
    descriptor = os.dup(file.fileno())
    file.close()
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def command_line(service: dict[str, list[str]], binds: Sequence[str], command: Sequence[str]) -> list[str]:
    """Return bubblewrap's command line; state and cache last as long as the command."""
    line = ["/usr/bin/setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--pdeathsig=KILL"]
    line += ["/usr/bin/bwrap", "--ro-bind", "/", "/", "--proc", "/proc", "--die-with-parent"]
    for name, flags in FLAGS.items():
        if name in service:
            line += flags
    for bind in binds:
        line += ["--bind", bind, bind]
    for name, place in (("StateDirectory", "/var/lib"), ("CacheDirectory", "/var/cache")):
        line += ["--tmpfs", place, "--tmpfs", f"{place}/{service[name][0]}"]
    line += ["--chdir", service["WorkingDirectory"][0]]
    for value in service.get("Environment", []):
        for assignment in value.split():
            key, _, text = assignment.partition("=")
            line += ["--setenv", key, text]
    return [*line, "--seccomp", str(filter_program(service)), "--", *command]


def main(arguments: list[str]) -> int:
    """Replace this process with the command in its sandbox."""
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    options, command = arguments[:cut], arguments[cut + 1 :]
    if not command:
        print(__doc__, file=sys.stderr)
        return os.EX_USAGE
    binds = [value for option, value in zip(options[::2], options[1::2], strict=False) if option == "--bind"]
    line = command_line(directives(UNIT), binds, command)
    os.set_inheritable(int(line[line.index("--seccomp") + 1]), True)
    return os.execv(line[0], line)  # noqa: S606 - that is what it is for


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
