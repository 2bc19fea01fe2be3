using System.Security.Cryptography;
using System.Text;
using Microsoft.Win32.SafeHandles;
using NixFuseStore.Native.Files;
using NixFuseStore.Nix;

namespace NixFuseStore.Builds.Cells;

/// <summary>
/// The directory of one build, never used again:
/// <code>
/// lock           held by the process that builds        conf/nix.conf       the only settings that stock Nix reads
/// process        its helper, for the next start         passwd, group       the users of the cell
/// lower/         the mount's paths are bound here       registration        what stock Nix tells its database, where we cannot
/// root/          the chroot store of stock Nix          tmp/                build directories
/// kept           is there where tmp/ stays for a user
/// upper/ work/   outputs, on this disk                  fstab               what is mounted in it
/// cgroups        the control groups of what runs in it
/// </code>
/// </summary>
internal sealed class Cell : IDisposable
{
    private const int NameBytes = CellSweep.NameDigits / 2;
    private const string BuildDirectoriesName = "tmp";

    private readonly SafeFileHandle _lock;
    private readonly Action<string> _notice;
    private CellGroups? _groups;
    private bool _keepsBuildDirectory;

    private Cell(string directory, SafeFileHandle lockFile, Action<string> notice)
    {
        Directory = directory;
        _lock = lockFile;
        _notice = notice;
    }

    /// <summary>Where it lies.</summary>
    internal string Directory { get; }

    /// <summary>Makes one that knows of no path. Blocks on the disk.</summary>
    /// <param name="parent">Where cells lie.</param>
    /// <param name="store">The store directory.</param>
    /// <param name="settings">The text of its nix.conf.</param>
    /// <param name="notice">Told in one line what could not be cleared away.</param>
    /// <exception cref="IOException">The disk does not take it.</exception>
    internal static Cell Create(string parent, StoreDirectory store, string settings, Action<string> notice)
    {
        // Under a name that no sweep looks at, until it is locked.
        string name = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(NameBytes));
        string made = Path.Combine(parent, CellSweep.NewPrefix + name);
        PrivateDirectory.Create(made);
        var held = CellLock.Take(made);
        string directory = Path.Combine(parent, name);
        System.IO.Directory.Move(made, directory);
        var cell = new Cell(directory, held, notice);
        try
        {
            cell.Fill(store, settings);
            return cell;
        }
        catch
        {
            cell.Dispose();
            throw;
        }
    }

    /// <summary>Says what is valid in it, before stock Nix starts there. Blocks on the disk.</summary>
    /// <param name="database">A database to be copied; null where stock Nix shall make one from a list.</param>
    /// <param name="store">The store directory.</param>
    /// <param name="inputs">All that is valid.</param>
    internal void Register(CellDatabase? database, StoreDirectory store, IReadOnlyCollection<PathInfo> inputs)
    {
        if (database is not null)
        {
            database.CopyInto(Directory, store, inputs);
            return;
        }

        using var registration = new StreamWriter(Path.Combine(Directory, "registration"), append: false, new UTF8Encoding(false));
        CellRegistration.Write(registration, store, inputs);
    }

    /// <summary>Limits what runs in it, before it starts; false where this host allows no limits.</summary>
    internal bool TryLimit(CellLimits limits) => (_groups = CellGroups.Create(Directory, limits)) is not null;

    /// <summary>Which of its limits was met, as a line for the log; null for none, and where this host allows no limits.</summary>
    internal string? DescribeLimits() => _groups?.Describe();

    /// <summary>Where the cell has an output.</summary>
    internal string PathOf(StorePath output) => Path.Combine(Directory, "upper", output.BaseName);

    /// <summary>Where build directories lie.</summary>
    internal string BuildDirectories => Path.Combine(Directory, BuildDirectoriesName);

    /// <summary>Leaves the directory of a build that failed for its user.</summary>
    internal void KeepBuildDirectory()
    {
        File.WriteAllText(Path.Combine(Directory, CellSweep.KeptMark), "");
        _keepsBuildDirectory = true;
    }

    /// <summary>Clears it away, once nothing runs in it.</summary>
    public void Dispose()
    {
        CellGroups.Remove(Directory, _notice);
        CellSweep.Remove(Directory, _keepsBuildDirectory ? [BuildDirectoriesName, CellSweep.KeptMark] : [], _notice);
        _lock.Dispose();
    }

    private void Fill(StoreDirectory store, string settings)
    {
        foreach (string name in (string[])["lower", "upper", "work", "conf", BuildDirectoriesName, $"root{store}"])
        {
            System.IO.Directory.CreateDirectory(Path.Combine(Directory, name));
        }

        File.WriteAllText(Path.Combine(Directory, "passwd"), BuildUsers.PasswordLines(ReadHost("/etc/passwd")));
        File.WriteAllText(Path.Combine(Directory, "group"), BuildUsers.GroupLines(ReadHost("/etc/group")));
        File.WriteAllText(Path.Combine(Directory, "conf/nix.conf"), settings);
    }

    private static string ReadHost(string file) => File.Exists(file) ? File.ReadAllText(file) : "";
}

/// <summary>A cell cannot be set up, or stock Nix failed in it; the message is the continuation of "cannot build … :".</summary>
internal sealed class CellException(string message, Exception? innerException = null) : Exception(message, innerException)
{
    /// <summary>Whether it may be otherwise the next time: stock Nix ran, and met what is no fault of the build.</summary>
    internal bool MayPass { get; init; }
}
