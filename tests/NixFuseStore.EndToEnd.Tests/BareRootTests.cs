using NixFuseStore.EndToEnd.Tests.Fixtures;

namespace NixFuseStore.EndToEnd.Tests;

/// <summary>The client where there is no .NET: a root of a plain Debian, with the libraries that README names.</summary>
public sealed class BareRootTests : EndToEndTest
{
    private const string RootVariable = "NIXFUSE_TEST_BARE_ROOT";

    // Everything in one mount namespace, which goes with the script: nothing is left in the root or on the machine.
    private const string Script = """
        set -eu
        root=$1 work=$2 client=$3 store=$4 path=$5
        mkdir -p "$work/upper" "$work/over" "$work/root"
        mount -t tmpfs tmpfs "$work/upper"
        mkdir "$work/upper/data" "$work/upper/work"
        mount -t overlay overlay -o "lowerdir=$root,upperdir=$work/upper/data,workdir=$work/upper/work" "$work/root"
        cd "$work/root"
        mkdir -p proc dev from mnt/nix
        mount --bind /dev dev
        mount -t proc proc proc
        mount --bind "$store" from
        cp "$client" usr/bin/nixfuse
        exec chroot . /bin/sh -eu -c '
            if command -v dotnet; then echo "there is .NET here"; exit 1; fi
            echo "== push";    nixfuse push --from /from "$0"
            echo "== mount";   nixfuse mount /mnt/nix --cache-dir /var/cache/nixfuse
            echo "== read";    cmp "/mnt$0/bin/bash" "/from$0/bin/bash"
            echo "== mapped";  if grep -E "dotnet|coreclr" /proc/$(cat /var/cache/nixfuse/chunks/holder)/maps; then exit 1; fi
            echo "== socket";  export NIX_REMOTE="unix:///mnt/nix/var/nix/daemon-socket/socket?root=/mnt"
                               nix-store --query --requisites "$0"; echo hello >/tmp/hello; nix-store --add /tmp/hello
            unset NIX_REMOTE
            echo "== status";  nixfuse status
            echo "== unmount"; nixfuse unmount /mnt/nix
            if grep " /mnt/nix " /proc/mounts; then exit 1; fi
            echo "== done"' "$path"
        """;

    [Fact]
    public void PushMountSocketAndUnmount_WorkWithoutDotNet()
    {
        var root = Environment.GetEnvironmentVariable(RootVariable);
        if (string.IsNullOrEmpty(root) || !Directory.Exists(root))
        {
            Assert.Skip($"needs a root without .NET in {RootVariable}: tests/nix-roots/make-bare-root.sh makes it");
        }

        var store = RealStore.Default;
        var server = StartServer();
        var result = Command.Run(
            "unshare",
            ["--mount", "--propagation", "private", "sh", "-c", Script, "sh", root, Scratch, Programs.NativeNixfuse, store.Root, store.Package("bash")],
            new Dictionary<string, string> { ["NIXFUSE_SERVER"] = server.Url });

        var output = result.Succeeded();
        Assert.EndsWith("== done\n", output, StringComparison.Ordinal);
        Assert.Matches(@"== socket\n(/nix/store/\S+\n)+", output);
    }
}
