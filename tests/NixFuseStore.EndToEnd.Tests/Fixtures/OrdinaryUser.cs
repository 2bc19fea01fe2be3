using System.Diagnostics;
using System.Globalization;

namespace NixFuseStore.EndToEnd.Tests.Fixtures;

/// <summary>
/// A user who is not root, with a home and a runtime directory, in a mount namespace where everybody may open /dev/fuse: that is what udev
/// sets up, but not every machine that tests run on has udev.
/// </summary>
internal sealed class OrdinaryUser : IDisposable
{
    private const string Id = "65534";

    private const string Script =
        """
        mount -t tmpfs none /media && mknod -m 666 /media/fuse c 10 229 && mount --bind /media/fuse /dev/fuse && echo ready && exec cat
        """;

    private readonly TemporaryFolder _folder = new();
    private readonly Process _namespace;

    public OrdinaryUser()
    {
        foreach (var program in new[] { "unshare", "nsenter", "setpriv", "fusermount3" })
        {
            Programs.Require(program);
        }

        // The namespace lasts as long as this process, whose standard input ends with the test at the latest.
        _namespace = Command.Start("unshare", ["--mount", "--propagation", "private", "sh", "-c", Script], withInput: true);
        Assert.Equal("ready", _namespace.StandardOutput.ReadLine());
        Entering =
        [
            "nsenter", string.Create(CultureInfo.InvariantCulture, $"--mount=/proc/{_namespace.Id}/ns/mnt"),
            "setpriv", "--reuid", Id, "--regid", Id, "--clear-groups", "env", "HOME=" + MakeFolder("home"), "XDG_RUNTIME_DIR=" + MakeFolder("run"),
        ];
        Give(_folder.Path);
    }

    /// <summary>The words that run a command as this user.</summary>
    public IReadOnlyList<string> Entering { get; }

    /// <summary>The user's runtime directory.</summary>
    public string RuntimeDirectory => _folder["run"];

    /// <summary>A folder of the user's.</summary>
    public string MakeFolder(string name)
    {
        Give(Directory.CreateDirectory(_folder[name]).FullName);
        return _folder[name];
    }

    /// <summary>Makes the user the owner of a file or folder.</summary>
    public static void Give(string path) => Command.Run("chown", Id + ":" + Id, path).Succeeded();

    /// <summary>Runs a command as this user.</summary>
    public CommandResult Run(params string[] command) => Command.Run(Entering[0], [.. Entering.Skip(1), .. command], environment: null);

    public void Dispose()
    {
        _namespace.StandardInput.Close();
        _namespace.WaitForExit();
        _namespace.Dispose();
        _folder.Dispose();
    }
}
