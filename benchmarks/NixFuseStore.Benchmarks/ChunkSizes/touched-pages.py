#!/usr/bin/env python3
"""Which pages of a store does a program's cold start really read?

    sudo ./touched-pages.py STORE-ROOT OUT-FOLDER

Copies the store's paths into an ext4 image, mounts it through a loop device of its own with read-ahead switched off, runs each
program of the benchmark under bwrap on a fresh mount, and asks the kernel (mincore) which pages of which files are in memory
afterwards. Writes OUT-FOLDER/<job>.pages, a line "OFFSET LENGTH PATH" for each run of pages. Other caches are left alone.
"""
import ctypes
import mmap
import os
import subprocess
import sys
import tempfile

PAGE = mmap.PAGESIZE
JOBS = {
    "python3": ["python3", "-c", "import json,ssl,sqlite3"],
    "nodejs": ["node", "-e", "1"],
    "git": ["git", "--version"],
    "gcc": ["gcc", "/tmp/hello.c", "-o", "/tmp/hello"],
    "ffmpeg": ["ffmpeg", "-version"],
}

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]


def runs(path):
    """Runs of resident pages of a file, as (offset, length)."""
    size = os.stat(path).st_size
    if size == 0:
        return
    fd = os.open(path, os.O_RDONLY)
    address = libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, fd, 0)
    pages = (size + PAGE - 1) // PAGE
    resident = ctypes.create_string_buffer(pages)
    if libc.mincore(address, size, resident) != 0:
        raise OSError(ctypes.get_errno(), "mincore", path)
    libc.munmap(address, size)
    os.close(fd)
    start = None
    for page in range(pages + 1):
        inside = page < pages and resident.raw[page] & 1
        if inside and start is None:
            start = page
        elif not inside and start is not None:
            yield start * PAGE, min(page * PAGE, size) - start * PAGE
            start = None


def main():
    store, out = sys.argv[1:]
    roots = os.listdir(store + "/nix/var/nix/gcroots/real-store")
    os.makedirs(out, exist_ok=True)
    with tempfile.TemporaryDirectory(dir="/var/tmp") as work:
        image, mount, scratch = work + "/store.img", work + "/mount", work + "/scratch"
        os.mkdir(mount)
        os.mkdir(scratch)
        with open(scratch + "/hello.c", "w") as hello:
            hello.write("#include <stdio.h>\nint main(void) { puts(\"hello\"); return 0; }\n")
        subprocess.run(["truncate", "-s", "3G", image], check=True)
        subprocess.run(["mkfs.ext4", "-q", "-O", "^has_journal", "-d", store + "/nix/store", image], check=True)
        for job, command in JOBS.items():
            path = next(root for root in roots if root[33:].startswith(job + "-"))
            loop = subprocess.run(["losetup", "--find", "--show", "--read-only", image], check=True, capture_output=True, text=True).stdout.strip()
            try:
                subprocess.run(["mount", "-o", "ro", loop, mount], check=True)
                try:
                    with open(f"/sys/block/{os.path.basename(loop)}/queue/read_ahead_kb", "w") as setting:
                        setting.write("0")
                    subprocess.run(
                        ["bwrap", "--unshare-user", "--unshare-pid", "--clearenv", "--ro-bind", mount, "/nix/store",
                         "--proc", "/proc", "--dev", "/dev", "--bind", scratch, "/tmp", "--setenv", "HOME", "/tmp", "--chdir", "/tmp",
                         f"/nix/store/{path}/bin/{command[0]}", *command[1:]],
                        check=True, stdout=subprocess.DEVNULL)
                    total = 0
                    with open(f"{out}/{job}.pages", "w") as pages:
                        for folder, _, files in os.walk(mount):
                            for name in files:
                                file = os.path.join(folder, name)
                                if not os.path.islink(file):
                                    for offset, length in runs(file):
                                        total += length
                                        pages.write(f"{offset} {length} {os.path.relpath(file, mount)}\n")
                    print(f"{job}: {total:,} bytes")
                finally:
                    subprocess.run(["umount", mount], check=True)
            finally:
                subprocess.run(["losetup", "--detach", loop], check=True)


main()
