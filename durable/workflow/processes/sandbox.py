"""Starts one program within limits: `python -I -S sandbox.py <fd>`; imports nothing of the project. Linux.

Reads its order from the descriptor as JSON and becomes the program. An isolated one gets namespaces of its own: no
network, no other processes, and a file system that has the system's programs read-only, `/work` and `/tmp` in
memory, and nothing else; not the platform's files, keys or environment. Limits and the loss of all privileges come
last. Where the kernel does not allow that, it ends with EXIT_NOT_ISOLATED and says why on stderr.
"""

import contextlib
import ctypes
import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

EXIT_NOT_ISOLATED = 125
EXIT_NOT_STARTED = 126

_NEWNS, _NEWUTS, _NEWIPC, _NEWUSER, _NEWPID, _NEWNET = (
    0x00020000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000,
)  # fmt: skip
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_REMOUNT, _MS_BIND, _MS_REC, _MS_PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_NOBODY = 65534
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/alternatives")
_DEVICES = ("null", "zero", "full", "random", "urandom")

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def _mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    args = (source.encode(), target.encode(), kind.encode() if kind else None, flags, data.encode() if data else None)
    _check(_libc.mount(*args), f"mount {target}")


def unshare(order: dict[str, Any]) -> None:
    """Leave the system's namespaces. Someone who is not root first becomes one in a user namespace of its own."""
    user, group, is_root = os.geteuid(), os.getegid(), os.geteuid() == 0
    spaces = _NEWNS | _NEWUTS | _NEWIPC | _NEWPID | _NEWNET | (0 if is_root else _NEWUSER)
    _check(_libc.unshare(spaces), "unshare")
    if not is_root:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{_NOBODY} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{_NOBODY} {group} 1")
    order["user"] = order["user"] if is_root else None


def build_root(root: str, order: dict[str, Any]) -> None:
    """The program's file system below `root`."""
    _mount("none", "/", "", _MS_REC | _MS_PRIVATE)
    _mount("tmpfs", root, "tmpfs", _MS_NOSUID | _MS_NODEV, "size=64m,mode=0755")
    for path in (*_SYSTEM, *order["programs"]):
        _show(path, root)
    for folder in ("dev", "proc", "work", "tmp"):
        os.makedirs(f"{root}/{folder}", exist_ok=True)
    for name in _DEVICES:
        Path(f"{root}/dev/{name}").touch()
        _mount(f"/dev/{name}", f"{root}/dev/{name}", "", _MS_BIND)
    for folder in ("work", "tmp"):
        os.chmod(f"{root}/{folder}", 0o777)  # noqa: S103 - nobody else is there
    with contextlib.suppress(OSError):  # a container may hide parts of its own; programs mostly do without
        _mount("proc", f"{root}/proc", "proc", _MS_NOSUID | _MS_NODEV)


def _show(path: str, root: str) -> None:
    """The path, read-only, at the same place below the root; links stay links."""
    target = root + path
    if os.path.lexists(target) or not os.path.lexists(path):
        return
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.islink(path):
        os.symlink(os.readlink(path), target)
        return
    if os.path.isdir(path):
        os.mkdir(target)
    else:
        Path(target).touch()
    _mount(path, target, "", _MS_BIND | _MS_REC)
    _mount("none", target, "", _MS_BIND | _MS_REMOUNT | _MS_RDONLY | _MS_NOSUID | _MS_NODEV)


def limit(order: dict[str, Any]) -> None:
    """Take the limits. Memory is counted by what is written, for a program that reserves far more than it uses."""
    kind = resource.RLIMIT_DATA if order["reserves"] else resource.RLIMIT_AS
    limits = {
        kind: order["memory_bytes"],
        resource.RLIMIT_CPU: order["cpu_s"],
        resource.RLIMIT_NPROC: order["processes"],
        resource.RLIMIT_FSIZE: 64 * 1024 * 1024,
        resource.RLIMIT_NOFILE: 128,
        resource.RLIMIT_CORE: 0,
    }
    for name, value in limits.items():
        resource.setrlimit(name, (value, value))


def drop(user: int | None) -> None:
    """Give up root for good; and no program may ever give more than we have."""
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")


def become(order: dict[str, Any], folder: str) -> None:
    """Write the program's files into its folder and become it."""
    os.chdir(folder)
    for name, text in order["files"].items():
        Path(name).write_text(text, encoding="utf-8")
        os.chmod(name, 0o644)
    _check(_libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "pdeathsig")
    limit(order)
    os.execve(order["command"][0], order["command"], order["environment"])  # noqa: S606 - that is the point


def isolated(order: dict[str, Any]) -> int:
    """Run the program in namespaces of its own; gives its exit code."""
    try:
        unshare(order)
    except OSError as error:
        return _refuse(error)
    child = os.fork()
    if child:
        signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGKILL))
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        return code if code >= 0 else 128 - code
    _check(_libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "pdeathsig")
    try:
        build_root(order["folder"], order)
        os.chroot(order["folder"])
        os.chdir("/work")
        drop(order["user"])
    except OSError as error:
        os._exit(_refuse(error))
    _start(order, "/work")
    return EXIT_NOT_STARTED


def _start(order: dict[str, Any], folder: str) -> None:
    try:
        become(order, folder)
    except OSError as error:
        print(f"not started: {error.strerror}", file=sys.stderr)
        os._exit(EXIT_NOT_STARTED)


def _refuse(error: OSError) -> int:
    print(f"no isolation: {error.args[-1]}", file=sys.stderr, flush=True)
    return EXIT_NOT_ISOLATED


def main() -> None:
    """Read the order, take the isolation, become the program."""
    with os.fdopen(int(sys.argv[1]), "rb") as source:
        order = json.load(source)
    os.umask(0o022)
    if order["isolated"]:
        sys.exit(isolated(order))
    drop(None)
    _start(order, order["folder"])


if __name__ == "__main__":
    main()
