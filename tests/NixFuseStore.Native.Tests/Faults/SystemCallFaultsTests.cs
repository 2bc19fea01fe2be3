using System.Diagnostics;
using NixFuseStore.Testing.Faults;

namespace NixFuseStore.Native.Tests.Faults;

/// <summary>The faults that other tests rely on do hit, and only what they name.</summary>
public sealed class SystemCallFaultsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("faults").FullName;

    public SystemCallFaultsTests() => Assert.SkipWhen(SystemCallFaults.WhyMissing is not null, SystemCallFaults.WhyMissing ?? "");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Open_OfTheNamedFile_FailsOnce()
    {
        var hit = _folder + "/hit";
        var spared = _folder + "/spared";
        File.WriteAllText(hit, "hit\n");
        File.WriteAllText(spared, "spared\n");
        var fault = SystemCallFault.Fails("openat", "EIO", CallRange.Only(1), hit);

        var output = Run(SystemCallFaults.CommandLine(fault, "sh", "-c", $"cat {spared}; cat {hit} 2>&1; true"));

        Assert.Contains("spared\n", output, StringComparison.Ordinal);
        Assert.Contains("Input/output error", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Fault_InARunningProcess_EndsWithItsDisposal()
    {
        var file = _folder + "/file";
        File.WriteAllText(file, "x");
        // A line in asks for the file once more; the answer says whether it could be opened.
        using var shell = Process.Start(new ProcessStartInfo("sh", ["-c", $"while read -r line; do (: <{file}) 2>/dev/null && echo there || echo failed; done"])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true,
        })!;
        string? Ask()
        {
            shell.StandardInput.WriteLine();
            return shell.StandardOutput.ReadLine();
        }

        Assert.Equal("there", Ask());
        using (SystemCallFaults.Attach(shell.Id, SystemCallFault.Fails("openat", "EMFILE", CallRange.Every, file)))
        {
            Assert.Equal("failed", Ask());
        }

        Assert.Equal("there", Ask());
        shell.StandardInput.Close();
        Assert.True(shell.WaitForExit(TimeSpan.FromSeconds(60)));
    }

    private static string Run(IReadOnlyList<string> command)
    {
        using var process = Process.Start(new ProcessStartInfo(command[0], command.Skip(1)) { RedirectStandardOutput = true })!;
        var output = process.StandardOutput.ReadToEnd();
        Assert.True(process.WaitForExit(TimeSpan.FromSeconds(60)));
        return output;
    }
}
