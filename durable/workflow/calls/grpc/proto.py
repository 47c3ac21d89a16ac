"""Compiles a proto file in a child process: `python -I -S proto.py <site-packages…>`; imports nothing of the project.

Reads the file's text from stdin and writes a FileDescriptorSet to stdout. The compiler is native code fed by a
tenant, so it runs where it can only hurt itself: within limits of memory, time and files.
"""

import resource
import sys
import tempfile
from pathlib import Path

MEMORY_BYTES = 512 * 1024 * 1024
CPU_S = 10


def main() -> None:
    """Compile; ends with the compiler's code, its complaints on stderr."""
    sys.path[:0] = sys.argv[1:]
    text = sys.stdin.buffer.read()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    from grpc_tools import protoc

    included = Path(protoc.__file__).parent / "_proto"
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "service.proto").write_bytes(text)
        target = Path(folder) / "set"
        options = [f"-I{folder}", f"-I{included}", "--include_imports", f"--descriptor_set_out={target}"]
        code: int = protoc.main(["protoc", *options, "service.proto"])  # type: ignore[no-untyped-call]
        if code == 0:
            sys.stdout.buffer.write(target.read_bytes())
    sys.exit(code)


if __name__ == "__main__":
    main()
