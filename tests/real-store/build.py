"""Builder of one store path: unpacks Debian packages and moves them to $out.

From its derivation's environment: $debs (packages), $deps (store paths of the
dependencies), $label (the main package), $out.
"""
import glob
import os
import re
import shutil
import stat
import subprocess
import tarfile

OUT = os.environ["out"]
DEPS = os.environ["deps"].split()
LABEL = os.environ["label"]
os.environ["PATH"] = "/usr/bin:/bin"


def run(*argv, check=True):
    return subprocess.run(argv, check=check, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout


def merge(src, dst):
    """Moves src to dst; folders that are on both sides are united."""
    if not os.path.lexists(dst):
        os.rename(src, dst)
    elif os.path.isdir(src) and not os.path.islink(src):
        for name in os.listdir(src):
            merge(os.path.join(src, name), os.path.join(dst, name))


def extract(deb, root):
    """Unpacks a package without owners and without setuid, setgid and sticky bits.

    Nix's sandbox forbids to set those bits, so dpkg-deb -x fails on packages that have them, such as base-files.
    """
    dpkg = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE)
    with tarfile.open(fileobj=dpkg.stdout, mode="r|") as archive:
        archive.extraction_filter = lambda member, path: member
        archive.chown = lambda *arguments: None
        for member in archive:
            member.mode &= 0o777
            archive.extract(member, root)
    if dpkg.wait() != 0:
        raise SystemExit(f"{deb}: dpkg-deb failed")


def unpack():
    root = OUT + "/.root"
    os.makedirs(root)
    for deb in os.environ["debs"].split():
        extract(deb, root)
    if os.path.isdir(root + "/usr"):
        merge(root + "/usr", OUT)
    merge(root, OUT)
    for gone in [".root", "usr", "share/doc", "share/lintian", "share/bug", "var", "run", "tmp"]:
        shutil.rmtree(os.path.join(OUT, gone), ignore_errors=True)


def prefix_free(path):
    """Path of a Debian file inside a store path: without /usr."""
    return re.sub(r"^/usr(?=/)", "", os.path.normpath(path))


def find(path, roots=None):
    """Where a Debian file with this absolute path is now, or None."""
    path = prefix_free(path)
    for root in roots or [OUT, *DEPS]:
        if os.path.lexists(root + path):
            return root + path
    return None


def dep(name):
    """The dependency made from the package with this name, or None."""
    return next((d for d in DEPS if re.match(rf"/nix/store/[a-z0-9]+-{re.escape(name)}-\d", d)), None)


def library_index():
    index = {}
    for root in [OUT, *DEPS]:
        for folder, folders, names in os.walk(root + "/lib"):
            folders.sort()
            for name in sorted(names):
                if ".so" in name and os.path.exists(os.path.join(folder, name)):
                    index.setdefault(name, folder)
        for name in glob.glob(root + "/lib64/ld-*.so*"):
            index.setdefault(os.path.basename(name), root + "/lib64")
    return index


def patch_elf(path, index):
    base = os.path.basename(path)
    if base.startswith("ld-linux") or base == "libc.so.6":
        return
    needed = run("patchelf", "--print-needed", path, check=False).split()
    interpreter = run("patchelf", "--print-interpreter", path, check=False).strip()
    args = []
    if needed:
        folders = list(dict.fromkeys(index[n] for n in needed if n in index))
        args += ["--set-rpath", ":".join(folders)]
    if interpreter:
        name = os.path.basename(interpreter)
        args += ["--set-interpreter", f"{index[name]}/{name}"]
    if args:
        run("patchelf", *args, path)


def patch_text(path, data):
    """Shebang lines and the linker scripts that stand in for libraries."""
    new = data
    if data.startswith(b"#!"):
        line, newline, rest = data.partition(b"\n")
        m = re.match(rb"#!\s*(?:/usr/bin/env\s+(?!-)|(?=/))(\S+)(.*)$", line)
        if m:
            name = os.path.basename(m[1].decode())
            program = find("/bin/" + name) or (find("/bin/dash") if name == "sh" else None)
            if program:
                new = b"#!" + program.encode() + m[2] + newline + rest
    elif data.startswith(b"/* GNU ld script"):
        def moved(m):
            return (find(m[0].decode()) or m[0].decode()).encode()
        new = re.sub(rb"(?<=[\s(])/(?:usr/)?lib[^\s)]+", moved, data)
    if new != data:
        with open(path, "wb") as f:
            f.write(new)


def fix_link(path):
    target = os.readlink(path)
    real = os.path.realpath(path)
    if real.startswith("/nix/store/") and os.path.exists(real):
        return  # not by way of the host's own files
    here = os.path.dirname(path)[len(OUT):]
    # A relative link may leave /usr; try it from both of its old places.
    for base in ["/usr" + here, here or "/"]:
        found = find(os.path.join(base, target))
        if found and found != path:
            os.unlink(path)
            os.symlink(found, path)
            return


def fix_files(index):
    seen = set()
    for folder, folders, names in os.walk(OUT):
        for name in sorted(names) + [d for d in folders if os.path.islink(os.path.join(folder, d))]:
            path = os.path.join(folder, name)
            st = os.lstat(path)
            if stat.S_ISLNK(st.st_mode):
                fix_link(path)
            elif stat.S_ISREG(st.st_mode) and st.st_ino not in seen:
                seen.add(st.st_ino)
                os.chmod(path, st.st_mode | 0o600)
                with open(path, "rb") as f:
                    head = f.read(16)
                    if head.startswith(b"\x7fELF"):
                        patch_elf(path, index)
                    elif head.startswith((b"#!", b"/* GNU ld script")):
                        patch_text(path, head + f.read())


def wrap(name, *lines, command=None):
    """Puts a shell script in place of bin/NAME, which it runs in the end."""
    shell = find("/bin/dash") or find("/bin/bash")
    program = f"{OUT}/bin/{name}"
    if not shell or not os.path.lexists(program):
        return
    if command is None:
        command = f"{OUT}/bin/.{name}-wrapped"
        os.rename(program, command)
    else:
        os.unlink(program)
    with open(program, "w") as f:
        f.write("\n".join([f"#!{shell}", *lines, f'exec {command} "$@"', ""]))
    os.chmod(program, 0o755)


def fix_programs(index):
    """What a few programs need to find their own files outside /usr."""
    if os.path.isdir(OUT + "/lib/git-core"):
        wrap("git", f"export GIT_EXEC_PATH={OUT}/lib/git-core GIT_TEMPLATE_DIR={OUT}/share/git-core/templates")
    if LABEL == "perl":
        dirs = sorted(d for pattern in ["lib/*/perl/5.*", "share/perl/5.*", "lib/*/perl-base", "share/perl5"]
                      for d in glob.glob(f"{OUT}/{pattern}") if not os.path.islink(d))
        wrap("perl", f"export PERL5LIB=${{PERL5LIB:+$PERL5LIB:}}{':'.join(dirs)}")
    if LABEL == "nodejs":
        # Debian's node reads parts of itself from a fixed path; a longer one
        # does not fit in its place, a descriptor that the wrapper opens does.
        for lib in glob.glob(OUT + "/lib/*/libnode.so.*"):
            with open(lib, "rb") as f:
                data = f.read()
            with open(lib, "wb") as f:
                f.write(data.replace(b"/usr/share/nodejs/", b"/proc/self/fd///9/"))
        wrap("node", f"exec 9<{OUT}/share/nodejs")
    for python in glob.glob(OUT + "/bin/python3.[0-9]*[0-9]"):
        stdlib = f"{OUT}/lib/{os.path.basename(python)}"
        run(python, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", stdlib, check=False)
    if LABEL in ("gcc", "g++"):
        libc, dev, linux, binutils = map(dep, ["libc6", "libc6-dev", "linux-libc-dev", "binutils"])
        if dev and linux and binutils:
            triple = os.path.basename(glob.glob(dev + "/lib/*/crt1.o")[0].rsplit("/", 1)[0])
            loader = next(n for n in sorted(index) if n.startswith("ld-linux"))
            flags = [f"-B{binutils}/bin", f"-B{dev}/lib/{triple}", f"-L{dev}/lib/{triple}", f"-L{libc}/lib/{triple}",
                     *(f"-idirafter {d}/include{sub}" for d in (dev, linux) for sub in ("", "/" + triple)),
                     f"-Wl,-rpath,{libc}/lib/{triple}", f"-Wl,--dynamic-linker,{index[loader]}/{loader}"]
            wrap(LABEL, command=os.path.realpath(f"{OUT}/bin/{LABEL}") + " " + " ".join(flags))


unpack()
libraries = library_index()
fix_files(libraries)
fix_programs(libraries)
