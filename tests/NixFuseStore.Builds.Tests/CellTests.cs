using System.Diagnostics;
using NixFuseStore.Builds.Cells;
using NixFuseStore.Nix;

namespace NixFuseStore.Builds.Tests;

/// <summary>Directories of cells: what lies in them, and that nothing stays.</summary>
public sealed class CellTests : IDisposable
{
    private static readonly PathInfo Library = Describe("00000000000000000000000000000001-library");
    private static readonly PathInfo Program = Describe("00000000000000000000000000000002-program") with { References = [Library.Path] };

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("nixfuse-builds-");
    private readonly List<string> _notices = [];

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Registration_IsInTheFormatOfLoadDb()
    {
        var writer = new StringWriter();
        CellRegistration.Write(writer, StoreDirectory.Default, [Library, Program]);
        Assert.Equal(
            $"""
            /nix/store/{Library.Path}
            {new string('0', 64)}
            120

            0
            /nix/store/{Program.Path}
            {new string('0', 64)}
            120

            1
            /nix/store/{Library.Path}

            """,
            writer.ToString());
    }

    [Fact]
    public void Derivations_AreRegisteredByNix_WhichReadsThem()
    {
        Assert.True(CellDatabase.Takes([Library, Program]));
        Assert.False(CellDatabase.Takes([Library, Describe("00000000000000000000000000000003-program.drv")]));
    }

    [Fact]
    public void Users_StandBehindThoseOfTheHost_AndInPlaceOfItsBuildUsers()
    {
        string[] lines = BuildUsers.PasswordLines("root:x:0:0:root:/root:/bin/sh\nnixbld1:x:30001:30000::/:/bin/false\n").Split('\n');
        Assert.Equal("root:x:0:0:root:/root:/bin/sh", lines[0]);
        Assert.Equal("nixbld0:x:1313210368:1313210368:build user:/var/empty:/sbin/nologin", lines[1]);
        Assert.DoesNotContain(lines, line => line.Contains(":30001:", StringComparison.Ordinal));

        string[] groups = BuildUsers.GroupLines("root:x:0:\nnixbld:x:30000:nixbld1\n").Split('\n');
        Assert.StartsWith("nixbld:x:1313210368:nixbld0,nixbld1,", groups[1], StringComparison.Ordinal);
        Assert.Equal(["root:x:0:", groups[1], ""], groups);
    }

    [Fact]
    public void Mounts_AreInOrder_WithNamesEscaped()
    {
        string[] lines = CellMounts.Table("/c\t\\ #/0123", "/m n\n/nix/store", StoreDirectory.Default, hidesNameService: true).Split('\n');
        Assert.Equal("/m\\040n\\012/nix/store /c\\011\\134\\040#/0123/lower none bind 0 0", lines[0]);
        Assert.StartsWith("nixfuse-cell /c\\011\\134\\040#/0123/root/nix/store overlay lowerdir=lower,upperdir=upper,", lines[1], StringComparison.Ordinal);
        Assert.Equal(
            ["/etc/passwd", "/etc/group", "/var/lib/nixfuse/build", "/run/nscd"], lines[2..6].Select(static line => line.Split(' ')[1]));
        Assert.Equal("", lines[6]);
        Assert.DoesNotContain("nscd", CellMounts.Table("/c", "/m", StoreDirectory.Default, hidesNameService: false), StringComparison.Ordinal);
    }

    [Fact]
    public void Cell_LeavesNothing()
    {
        using (var cell = Create())
        {
            cell.Register(database: null, StoreDirectory.Default, [Library, Program]);
            Assert.Contains($"/nix/store/{Program.Path}\n", File.ReadAllText(Path.Combine(cell.Directory, "registration")), StringComparison.Ordinal);
            Assert.Contains("sandbox = true\n", File.ReadAllText(Path.Combine(cell.Directory, "conf/nix.conf")), StringComparison.Ordinal);
            Assert.Contains("sandbox-fallback = false\n", File.ReadAllText(Path.Combine(cell.Directory, "conf/nix.conf")), StringComparison.Ordinal);
            Assert.True(Directory.Exists(Path.Combine(cell.Directory, "root/nix/store")));
        }

        Assert.Empty(_folder.EnumerateFileSystemInfos());
        Assert.Empty(_notices);
    }

    [Fact]
    public void KeptBuildDirectory_SurvivesTheNextStart()
    {
        string kept;
        using (var cell = Create())
        {
            kept = Path.Combine(cell.Directory, "tmp/nix-build-x.drv-0");
            Directory.CreateDirectory(kept);
            cell.KeepBuildDirectory();
        }

        CellSweep.Run(_folder.FullName, _notices.Add);
        Assert.True(Directory.Exists(kept));
        Assert.Equal(["kept", "lock", "tmp"], _folder.EnumerateDirectories().Single().EnumerateFileSystemInfos().Select(static entry => entry.Name).Order());
    }

    [Fact]
    public void Sweep_LeavesTheCellsOfALivingProcess()
    {
        using var cell = Create();
        CellSweep.Run(_folder.FullName, _notices.Add);
        Assert.True(File.Exists(Path.Combine(cell.Directory, "conf/nix.conf")));
    }

    [Fact]
    public void Sweep_EndsWhatStillRuns_AndClearsAway()
    {
        // As a process leaves it that was killed: not locked, and with a helper whose child runs.
        string directory = Path.Combine(_folder.FullName, "0123456789ab");
        Directory.CreateDirectory(Path.Combine(directory, "upper"));
        using var helper = Process.Start("/bin/sh", ["-c", "exec 2>/dev/null; sleep 1000; true"]);
        Assert.True(SpinWait.SpinUntil(() => ChildrenOf(helper).Length > 0, TimeSpan.FromSeconds(10)));
        CellProcessFile.Write(directory, helper.Id);

        CellSweep.Run(_folder.FullName, _notices.Add);
        Assert.True(helper.WaitForExit(TimeSpan.FromSeconds(10)));
        Assert.Empty(_folder.EnumerateDirectories());
    }

    [Fact]
    public void Groups_ThatAStartBeforeFoundEmpty_AreRemoved()
    {
        string seen = Path.Combine(_folder.FullName, "empty-cgroups");
        string old = _folder.CreateSubdirectory("nixfuse-0123456789ab").FullName;
        CellGroups.RemoveOld(seen, [_folder.FullName]);
        Assert.True(Directory.Exists(old));

        // A later start: another group was made just now, and one that is no cell's is not ours.
        File.SetLastWriteTimeUtc(seen, DateTime.UtcNow.AddHours(-2));
        string young = _folder.CreateSubdirectory("nixfuse-ba9876543210").FullName;
        string other = _folder.CreateSubdirectory("nixfuse-server").FullName;
        CellGroups.RemoveOld(seen, [_folder.FullName]);
        Assert.False(Directory.Exists(old));
        Assert.True(Directory.Exists(young));
        Assert.True(Directory.Exists(other));
        Assert.Equal([young], File.ReadAllLines(seen));
    }

    [Fact]
    public void Sweep_LeavesAnotherProcessOfTheSameNumberAlone()
    {
        string directory = Path.Combine(_folder.FullName, "0123456789ab");
        Directory.CreateDirectory(directory);
        File.WriteAllText(Path.Combine(directory, "process"), $"{Environment.ProcessId} 1");
        CellSweep.Run(_folder.FullName, _notices.Add);
        Assert.Empty(_folder.EnumerateDirectories());
    }

    [Fact]
    public void Sweep_TouchesNothingThatIsNoCell()
    {
        string[] others = ["docs", "pw", "0123456789AB", "0123456789abc"];
        foreach (string other in others)
        {
            Directory.CreateDirectory(Path.Combine(_folder.FullName, other));
            File.WriteAllText(Path.Combine(_folder.FullName, other, "passwd"), "");
        }

        Directory.CreateSymbolicLink(Path.Combine(_folder.FullName, "ba9876543210"), Path.Combine(_folder.FullName, "docs"));
        CellSweep.Run(_folder.FullName, _notices.Add);
        Assert.Equal(5, _folder.EnumerateDirectories().Count());
        Assert.Equal(["passwd"], new DirectoryInfo(Path.Combine(_folder.FullName, "docs")).EnumerateFileSystemInfos().Select(static entry => entry.Name));
    }

    [Fact]
    public void Sweep_BelievesNothingWhereOthersMayWrite()
    {
        File.SetUnixFileMode(_folder.FullName, (UnixFileMode)0b111_111_111);
        Assert.Contains("0700", Assert.Throws<IOException>(() => CellSweep.Run(_folder.FullName, _notices.Add)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Words_AreThoseOfTheStoreThatTheClientSees()
    {
        using var cell = Create();
        Assert.Equal(
            "file '/nix/store/x' has an unsupported type",
            new CellWords(cell).OfError($"\u001b[31;1merror:\u001b[0m file '{cell.Directory}/root/nix/store/x' has an unsupported type"));
        Assert.Equal(
            $"error: keeping '{cell.Directory}/tmp/nix-build-x'", new CellWords(cell).OfLine("error: keeping '/var/lib/nixfuse/build/nix-build-x'"));
    }

    [Fact]
    public void MissingNix_IsNamedWithWhatToDo()
    {
        var missing = Assert.Throws<CellException>(() => StockNix.Find(_folder.FullName));
        Assert.Contains("there is no nix-daemon in " + _folder.FullName, missing.Message, StringComparison.Ordinal);
        Assert.Contains("--build-nix", missing.Message, StringComparison.Ordinal);
    }

    /// <summary>What a builder may leave: names that are no text, and folders in each other that no path reaches.</summary>
    [Theory]
    [InlineData("name=$(printf 'd%.0s' {1..200}); for i in {1..40}; do mkdir $name; cd $name; done")]
    [InlineData("mkdir $'\\xff\\xfe'; echo 1 > $'\\xff\\xfe/\\xfd'; chmod 500 $'\\xff\\xfe'")]
    public void Remove_TakesWhateverLiesThere(string script)
    {
        var cell = Create();
        using (var shell = Process.Start(new ProcessStartInfo("bash", ["-e", "-c", script]) { WorkingDirectory = Path.Combine(cell.Directory, "upper") })!)
        {
            shell.WaitForExit();
            Assert.Equal(0, shell.ExitCode);
        }

        cell.Dispose();
        Assert.Empty(_notices);
        Assert.False(Directory.Exists(cell.Directory));
    }

    private Cell Create() => Cell.Create(_folder.FullName, StoreDirectory.Default, new CellSettings([], []).Text(isContentAddressed: false, []), _notices.Add);

    private static string ChildrenOf(Process process) => File.ReadAllText($"/proc/{process.Id}/task/{process.Id}/children");

    private static PathInfo Describe(string baseName) => new()
    {
        Path = StoreDirectory.Default.Parse("/nix/store/" + baseName),
        NarHash = new NixHash(NixHashAlgorithm.Sha256, new byte[32]),
        NarSize = 120,
    };
}
