# Walks, stats, maps and reads what lies below a directory, again and again, and compares every byte with a reference.
#   reader.py DIRECTORY REFERENCE STOP-FILE      prints one line of JSON at its end: rounds, files, stalls in ms
import hashlib, json, mmap, os, sys, time

directory, reference_file, stop_file = sys.argv[1:]
with open(reference_file) as file:
    reference = json.load(file)
inodes = {}
stalls = []
rounds = 0


def content(path, round):
    if os.path.islink(path):
        return os.readlink(path).encode()
    descriptor = os.open(path, os.O_RDONLY)
    try:
        # Out of the page cache, so that the mount is asked again.
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        size = os.fstat(descriptor).st_size
        if round % 2 and size:
            with mmap.mmap(descriptor, size, prot=mmap.PROT_READ) as mapped:
                return bytes(mapped)
        parts = []
        while part := os.read(descriptor, 1 << 20):
            parts.append(part)
        return b"".join(parts)
    finally:
        os.close(descriptor)


def fail(error):
    raise error


while not os.path.exists(stop_file):
    seen = 0
    for parent, directories, files in os.walk(directory, onerror=fail):
        for name in files + [name for name in directories if os.path.islink(os.path.join(parent, name))]:
            path = os.path.join(parent, name)
            relative = os.path.relpath(path, directory)
            if relative.split("/")[0] not in reference["paths"]:
                continue
            started = time.monotonic()
            status = os.lstat(path)
            data = content(path, rounds)
            took = time.monotonic() - started
            if took > 0.02:
                stalls.append(round(took * 1000))
            seen += 1
            if inodes.setdefault(path, status.st_ino) != status.st_ino:
                sys.exit(f"{path} has inode {status.st_ino}, and had {inodes[path]}")
            if hashlib.sha256(data).hexdigest() != reference["files"][relative]:
                sys.exit(f"{path} has other bytes")
            if os.path.exists(stop_file):
                break
    if seen != len(reference["files"]) and not os.path.exists(stop_file):
        sys.exit(f"{seen} files instead of {len(reference['files'])}")
    rounds += 1

print(json.dumps({"rounds": rounds, "stalls": sorted(stalls)}))
