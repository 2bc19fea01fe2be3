using System.Diagnostics;
using System.Text;
using NixFuseStore.Nix;

namespace NixFuseStore.Builds.Cells;

/// <summary>
/// Stock Nix in a cell: a process in mount and pid namespaces of its own, that binds the mount's paths, lays the overlay over them, and
/// becomes <c>nix-daemon --stdio</c> or another program of stock Nix. All that touches the mount happens there: this process, which serves the mount, would wait for itself.
/// </summary>
internal sealed class CellProcess : IAsyncDisposable
{
    /// <summary>How long it may take to end by itself after its input has.</summary>
    private static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(30);

    /// <summary>Characters of what it says of a failure.</summary>
    private const int ErrorCharactersMax = 2000;

    // Paths are arguments, for they may hold anything. mount goes on after a failure, and says so by its status.
    private const string Script =
        """
        set -eu
        cd "$1"
        if [ -f cgroups ]; then while read -r group; do echo 0 > "$group/cgroup.procs"; done < cgroups; fi
        mount --all --fstab fstab
        if [ -f registration ]; then "$2" --load-db < registration; fi
        shift 2
        exec "$@"
        """;

    /// <summary>Locks of the build users, which all cells of a host share.</summary>
    private const string SharedState = "/var/lib/nixfuse/build-state";

    private readonly Process _process;
    private readonly StringBuilder _errors = new();
    private readonly Task _errorsRead;

    private CellProcess(Process process)
    {
        _process = process;
        _errorsRead = ReadErrorsAsync();
    }

    /// <summary>What stock Nix writes.</summary>
    internal Stream Output => _process.StandardOutput.BaseStream;

    /// <summary>What it reads.</summary>
    internal Stream Input => _process.StandardInput.BaseStream;

    /// <summary>Starts it.</summary>
    /// <param name="cell">The cell, which must outlive it.</param>
    /// <param name="mountedStore">Where the mount shows paths.</param>
    /// <param name="store">The store directory.</param>
    /// <param name="nix">The programs.</param>
    /// <param name="command">What it becomes.</param>
    /// <exception cref="CellException">It cannot be started.</exception>
    internal static CellProcess Start(Cell cell, string mountedStore, StoreDirectory store, StockNix nix, params ReadOnlySpan<string> command)
    {
        Directory.CreateDirectory(SharedState);
        Directory.CreateDirectory(CellSettings.BuildDirectory);
        File.WriteAllText(
            Path.Combine(cell.Directory, "fstab"),
            CellMounts.Table(cell.Directory, mountedStore, store, Directory.Exists(CellSettings.NameServiceDirectory)));
        var start = new ProcessStartInfo
        {
            FileName = "unshare",
            WorkingDirectory = "/",
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (string argument in (string[])
            [
                "--mount", "--propagation", "slave", "--pid", "--fork", "--kill-child=KILL", "--mount-proc", "--",
                "/bin/sh", "-c", Script, "cell", cell.Directory, nix.Store, .. command,
            ])
        {
            start.ArgumentList.Add(argument);
        }

        SetEnvironment(start.Environment, cell, store);
        try
        {
            var process = new CellProcess(Process.Start(start)!);
            try
            {
                CellProcessFile.Write(cell.Directory, process._process.Id);
                return process;
            }
            catch
            {
                process.Kill();
                throw;
            }
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new CellException("unshare, which sets up where builds run, cannot be run: install util-linux", e);
        }
    }

    /// <summary>Ends all that runs in the cell. Any thread, also more than once.</summary>
    internal void Kill()
    {
        try
        {
            if (!_process.HasExited)
            {
                CellProcessFile.Kill(_process.Id, alsoParent: false);
            }
        }
        catch (InvalidOperationException)
        {
            // It has been disposed of.
        }
    }

    /// <summary>Lets it end by itself, and comes back when nothing runs in the cell any more.</summary>
    /// <exception cref="CellException">It did not end well; then something may still run.</exception>
    internal async Task EndAsync(CancellationToken cancellation)
    {
        _process.StandardInput.Close();
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(EndPatience);
        try
        {
            await _process.WaitForExitAsync(patience.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            await KillAndWaitAsync().ConfigureAwait(false);
            cancellation.ThrowIfCancellationRequested();
        }

        // Only its parent's own end shows that the first process has ended, and all others before it.
        if (_process.ExitCode != 0)
        {
            throw new CellException($"stock Nix did not end well (status {_process.ExitCode})");
        }
    }

    /// <summary>Ends it, and says in one line why it failed: in its own words where it has some.</summary>
    internal async Task<string> DescribeFailureAsync(string otherwise)
    {
        await KillAndWaitAsync().ConfigureAwait(false);
        await _errorsRead.ConfigureAwait(false);
        string said = _errors.ToString().Trim().ReplaceLineEndings("; ");
        return said.Length > 0 ? $"stock Nix failed ({otherwise}): {said}" : $"stock Nix failed: {otherwise}";
    }

    /// <summary>Ends it, if it runs.</summary>
    public async ValueTask DisposeAsync()
    {
        await KillAndWaitAsync().ConfigureAwait(false);
        await _errorsRead.ConfigureAwait(false);
        _process.Dispose();
    }

    private async Task KillAndWaitAsync()
    {
        // The parent outside waits for the first process of the pid namespace, which ends after all others in it.
        var patience = Stopwatch.StartNew();
        while (!_process.HasExited)
        {
            CellProcessFile.Kill(_process.Id, alsoParent: patience.Elapsed > CellProcessFile.ParentPatience);
            using var pause = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));
            await _process.WaitForExitAsync(pause.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task ReadErrorsAsync()
    {
        while (await _process.StandardError.ReadLineAsync().ConfigureAwait(false) is { } line)
        {
            // What releases say of settings that they lack, and unshare of its child's end, is no reason of anything.
            if (_errors.Length < ErrorCharactersMax
                && !line.Contains("unknown setting", StringComparison.Ordinal) && !line.StartsWith("unshare: sigprocmask", StringComparison.Ordinal))
            {
                _errors.AppendLine(line);
            }
        }
    }

    // Nothing of this process's own environment: neither its secrets nor what would change a build.
    private static void SetEnvironment(IDictionary<string, string?> environment, Cell cell, StoreDirectory store)
    {
        string path = environment.TryGetValue("PATH", out string? own) && own is { Length: > 0 } ? own : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        environment.Clear();
        environment["PATH"] = path;
        environment["HOME"] = Path.Combine(cell.Directory, "conf");
        environment["TMPDIR"] = CellSettings.BuildDirectory;
        environment["NIX_CONF_DIR"] = Path.Combine(cell.Directory, "conf");
        environment["NIX_USER_CONF_FILES"] = "";
        environment["NIX_STORE_DIR"] = store.ToString();
        environment["NIX_STATE_DIR"] = SharedState;
        environment["NIX_REMOTE"] = Path.Combine(cell.Directory, "root");
    }
}
