"""Builder of one store path: unpacks Debian packages into $out and points their programs at the store.

From its derivation's environment: $debs (packages), $dependencies (store paths), $out.
"""
import os
import shutil
import subprocess

OUT = os.environ["out"]
DEPENDENCIES = os.environ["dependencies"].split()
os.environ["PATH"] = "/usr/bin:/bin"


def run(*command):
    return subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout


def merge(source, target):
    """Moves source to target; folders that are on both sides are united."""
    if not os.path.lexists(target):
        os.rename(source, target)
    elif os.path.isdir(source) and not os.path.islink(source):
        for name in os.listdir(source):
            merge(os.path.join(source, name), os.path.join(target, name))


def unpack():
    root = OUT + "/.root"
    os.makedirs(root)
    for deb in os.environ["debs"].split():
        subprocess.run(["dpkg-deb", "-x", deb, root], check=True)
    if os.path.isdir(root + "/usr"):
        merge(root + "/usr", OUT)
    merge(root, OUT)
    for gone in [".root", "usr", "share/doc", "share/lintian", "var", "run", "tmp"]:
        shutil.rmtree(os.path.join(OUT, gone), ignore_errors=True)


def libraries():
    """Name of each shared library here or in a dependency -> its folder."""
    index = {}
    for root in [OUT, *DEPENDENCIES]:
        for folder, _, names in os.walk(root):
            if "/lib" in folder:
                for name in names:
                    if ".so" in name:
                        index.setdefault(name, folder)
    return index


def point_at_store(path, index):
    needed = [index[n] for n in run("patchelf", "--print-needed", path).split() if n in index]
    interpreter = os.path.basename(run("patchelf", "--print-interpreter", path).strip())
    if needed:
        run("patchelf", "--set-rpath", ":".join(dict.fromkeys(needed)), path)
    if interpreter in index:
        run("patchelf", "--set-interpreter", f"{index[interpreter]}/{interpreter}", path)


def main():
    unpack()
    index = libraries()
    for folder, _, names in os.walk(OUT):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.islink(path) or name.startswith("ld-linux") or name == "libc.so.6":
                continue
            os.chmod(path, os.stat(path).st_mode | 0o600)
            with open(path, "rb") as file:
                if file.read(4) == b"\x7fELF":
                    point_at_store(path, index)


main()
